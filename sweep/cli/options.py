"""The options of the commands, in sections as `sweep run --help` shows them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from model.config import PRECISIONS
from sweep.cli.group import Option
from sweep.cli.values import BudgetType, Duration, GPUShare, Trackers
from sweep.execution.executors import EXECUTORS
from sweep.planning.config import KEEP, OBJECTIVES, RunLimits, TuneConfig, format_duration
from sweep.tracking.registry import TRACKERS
from sweep.tuning.registry import SCHEDULERS, SEARCHERS, describe

F = TypeVar("F", bound=Callable[..., Any])

WHAT, SEARCH, MACHINE, LIMITS, OUTPUT = "What to run", "Search", "Machine", "Limits", "Output"


def option(section: str, *names: str, **settings: Any) -> Callable[[F], F]:
    """Return a click option that help lists under `section`."""
    return click.option(*names, cls=Option, section=section, **settings)


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Return the options as one decorator; help lists them in this order."""

    def decorate(command: F) -> F:
        for one in reversed(options):
            command = one(command)
        return command

    return decorate


out_option = option(
    OUTPUT,
    "--out",
    type=click.Path(path_type=Path, file_okay=True),
    default=Path("results"),
    callback=lambda context, parameter, value: value.expanduser(),  # sweep.toml and quotes keep a shell from doing so
    show_default=True,
    envvar="SWEEP_OUT",
    show_envvar=True,
    help="Folder that holds the runs.",
)

executor_option = option(
    MACHINE,
    "--executor",
    type=click.Choice(list(EXECUTORS)),
    default="ray",
    show_default=True,
    help=describe(EXECUTORS),
)

what_options = together(
    option(
        WHAT,
        "--set",
        "settings",
        metavar="KEY=VALUE",
        multiple=True,
        help="Override a setting of the space; KEY=A,B makes it a grid axis, KEY='\"A,B\"' is one value. Repeatable. "
        "`sweep settings` lists the keys.",
    ),
    option(
        WHAT,
        "--base",
        metavar="NAME",
        envvar="SWEEP_BASE",
        show_envvar=True,
        help="Pretrained model to start from: tiny, gpt2, gpt2-medium, gpt2-large, gpt2-xl, distilgpt2, a hub id "
        "owner/name, a checkpoint folder, or the trained model of another run, RUN@POINT (RUN@ is its best point). "
        "Default: tiny.",
    ),
    option(
        WHAT,
        "--keep-best-epoch",
        is_flag=True,
        help="Score each point with the weights of its best epoch (lowest dev loss) instead of its last. Short for "
        "--set keep_best_epoch=true.",
    ),
    option(
        WHAT,
        "--precision",
        type=click.Choice(PRECISIONS),
        help="Precision of matrix products and activations; trained weights, losses and the optimizer stay in fp32. "
        "bf16: faster on devices with bf16 instructions, refused with SMART. auto: bf16 on such devices and without "
        "SMART, otherwise fp32. tf32: GPUs only, refused with SMART. Short for --set precision=... Default: the "
        "space's, else fp32.",
    ),
    option(
        WHAT,
        "--metric",
        metavar="NAME",
        help="What ranks rows: a metric of the task, or dev_loss. It does not steer a search: see --objective. "
        "Default: the space's, else the task's main metric.",
    ),
    option(
        WHAT,
        "--seeds",
        type=click.IntRange(1),
        metavar="N",
        default=TuneConfig.seeds,
        show_default=True,
        help="Number of seeds for every configuration. All use the same seeds, so differences are paired.",
    ),
    option(WHAT, "--no-cache", is_flag=True, help="Compute every point, even where an earlier run has its result."),
)

search_options = together(
    option(
        SEARCH,
        "--search",
        type=click.Choice(list(SEARCHERS)),
        default=TuneConfig.search,
        show_default=True,
        help=describe(SEARCHERS),
    ),
    option(
        SEARCH,
        "--num-samples",
        type=click.IntRange(1),
        metavar="N",
        help="Number of points to sample. Required with --search random or tpe.",
    ),
    option(
        SEARCH,
        "--scheduler",
        type=click.Choice(list(SCHEDULERS)),
        default=TuneConfig.scheduler,
        show_default=True,
        help=describe(SCHEDULERS),
    ),
    option(
        SEARCH,
        "--grace-period",
        type=click.IntRange(1),
        metavar="N",
        default=TuneConfig.grace_period,
        show_default=True,
        help="Epochs before the first rung.",
    ),
    option(
        SEARCH,
        "--reduction-factor",
        type=click.IntRange(2),
        metavar="N",
        default=TuneConfig.reduction_factor,
        show_default=True,
        help="Keep the best 1/N of trials at each rung; each rung is at N times the epoch of the one before: 1, 3, 9.",
    ),
    option(
        SEARCH,
        "--objective",
        type=click.Choice(OBJECTIVES),
        default=TuneConfig.objective,
        show_default=True,
        help="Score that schedulers and tpe compare. dev_loss: nats per token of text, or per answer where a class is "
        "predicted. metric: the task's main metric, measured at every rung.",
    ),
)

cluster_options = together(
    option(
        MACHINE,
        "--concurrency",
        type=click.IntRange(1),
        metavar="N",
        envvar="SWEEP_CONCURRENCY",
        show_envvar=True,
        help="Number of trials that run in parallel. Default: as many as the cores and GPUs allow.",
    ),
    option(
        MACHINE,
        "--address",
        metavar="HOST:PORT",
        envvar="SWEEP_ADDRESS",
        show_envvar=True,
        help="Ray cluster to join; auto: the one that runs on this machine. All its machines need access to --out. "
        "Default: start a private Ray on this machine.",
    ),
)

machine_options = together(
    executor_option,
    option(
        MACHINE,
        "--cpus-per-trial",
        type=click.IntRange(1),
        metavar="N",
        default=1,
        show_default=True,
        help="CPU cores and threads per trial. Another number changes results by rounding errors.",
    ),
    option(
        MACHINE,
        "--gpus-per-trial",
        type=GPUShare(),
        default="0",
        show_default=True,
        help="GPUs per trial; 0 trains on the CPU. A fraction lets trials share a GPU. auto: measure the heaviest "
        "trial for one epoch and let as many trials share a GPU as its memory allows.",
    ),
    cluster_options,
)

limit_options = together(
    option(
        LIMITS,
        "--budget",
        type=BudgetType(),
        help="Stop the run once it has used this much, counting the time before a resume too: 30m or 2h (time), "
        "40trials (trials started) "
        "or 2gpuh (GPU hours). Default: no limit.",
    ),
    option(
        LIMITS,
        "--trial-timeout",
        type=Duration(),
        help="Stop a trial after this much time in total (90s, 2h), retries included. Default: no limit.",
    ),
    option(
        LIMITS,
        "--stall-timeout",
        type=Duration(),
        default=format_duration(RunLimits.stall_timeout or 0),
        show_default=True,
        help="Replace a worker after this much time without a training step, and retry its trial. 0: never.",
    ),
    option(
        LIMITS,
        "--max-failures",
        type=click.IntRange(0),
        metavar="N",
        default=RunLimits.max_failures,
        show_default=True,
        help="How often to retry a trial whose worker was lost.",
    ),
)

keep_option = option(
    OUTPUT,
    "--keep",
    type=click.Choice(KEEP),
    default=RunLimits.keep,
    show_default=True,
    help="Checkpoints to keep for each finished trial (with LoRA, the adapters only); best: lowest dev loss. "
    "Early-stopped trials keep no "
    "checkpoint unless `all`.",
)

yes_option = option(OUTPUT, "-y", "--yes", is_flag=True, help="Delete without asking, as scripts must.")

verbose_option = option(
    OUTPUT, "-v", "--verbose", is_flag=True, help="Print decisions, worker starts and failures to stderr."
)

log_option = option(
    OUTPUT,
    "--log",
    type=Trackers(),
    metavar="NAMES",
    default="",
    help=f"Also log to a tracker during the run: {', '.join(TRACKERS)}. Separate several names by commas.",
)

session_options = together(  # of commands that work on the definition of an earlier run
    option(
        MACHINE,
        "--executor",
        type=click.Choice(list(EXECUTORS)),
        help="Default: the executor that the run started with.",
    ),
    cluster_options,
    log_option,
    verbose_option,
)

output_options = together(
    out_option,
    option(
        OUTPUT,
        "--name",
        metavar="NAME",
        help="Name of the run. Default: the name of the space, numbered if it is taken.",
    ),
    keep_option,
    option(OUTPUT, "--dry-run", is_flag=True, help="Print what would be computed and what it would cost, then exit."),
    option(
        OUTPUT, "--measure", is_flag=True, help="With --dry-run: train for one epoch, to measure how long it takes."
    ),
    log_option,
    verbose_option,
)
