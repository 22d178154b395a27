"""Options that commands share, and the types of their values."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sweep.planning.config import KEEP, OBJECTIVES, SCHEDULERS, SEARCHES, Budget, parse_duration

F = TypeVar("F", bound=Callable[..., Any])


class Duration(click.ParamType[float | None]):
    """Seconds, from a number with its unit; 0 for no limit."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        if str(value) == "0":
            return None
        try:
            return parse_duration(str(value)) or None
        except ValueError:
            self.fail(f"{value!r}: write a number and s, m, h or d, for example 90s or 2h; 0 for no limit", param, ctx)


class BudgetType(click.ParamType[Budget]):
    """A budget in time, trainings or GPU hours."""

    name = "budget"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Budget:
        if isinstance(value, Budget):
            return value
        try:
            return Budget.parse(str(value))
        except ValueError:
            self.fail(f"{value!r}: write for example 30m, 2h, 40trials or 2gpuh", param, ctx)


class GPUShare(click.ParamType[float | str]):
    """GPUs of each trial: a number, or `auto`."""

    name = "gpus"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | str:
        if value == "auto":
            return "auto"
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if number < 0 or (number > 1 and number != int(number)):
            self.fail(f"{value!r}: write a fraction of one GPU (0.25), a whole number of them, or auto", param, ctx)
        return number


def _together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """The options as one decorator, in the order in which help shows them."""

    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


out_option = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=True),
    default=Path("results"),
    show_default=True,
    envvar="SWEEP_OUT",
    show_envvar=True,
    help="Folder that holds the runs. With --address: one that all machines see.",
)

strategy_options = _together(
    click.option(
        "--search",
        type=click.Choice(SEARCHES),
        default="grid",
        show_default=True,
        help="grid: every point of the space. random, tpe: --num-samples points of it, with grid axes as "
        "categories; tpe learns from earlier points.",
    ),
    click.option("--num-samples", type=click.IntRange(1), help="Points that --search random or tpe draws. No default."),
    click.option(
        "--seeds",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="Seeds per point, the same for every point.",
    ),
    click.option(
        "--scheduler",
        type=click.Choice(SCHEDULERS),
        default="fifo",
        show_default=True,
        help="fifo: every training to its end. asha: at each rung all but the best are stopped. asha-promote: all stop "
        "there, the best go on: better than asha for one or two workers.",
    ),
    click.option(
        "--grace-period",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="Epochs before the first rung of asha.",
    ),
    click.option(
        "--reduction-factor",
        type=click.IntRange(2),
        default=3,
        show_default=True,
        help="One of so many trainings passes a rung of asha, and rungs lie so many times apart.",
    ),
    click.option(
        "--objective",
        type=click.Choice(OBJECTIVES),
        default="dev_loss",
        show_default=True,
        help="What rungs and tpe compare: dev_loss (nats per token or answer), or metric: the task's chrF or accuracy, "
        "generated anew at every rung.",
    ),
)

limit_options = _together(
    click.option(
        "--budget",
        type=BudgetType(),
        help="What all sessions of the run may spend: 30m, 2h (time), 40trials (trainings begun) or 2gpuh. "
        "Default: no limit.",
    ),
    click.option(
        "--trial-timeout",
        type=Duration(),
        help="Time that one training may take, all its attempts together (90s, 2h). Default: no limit.",
    ),
    click.option(
        "--stall-timeout",
        type=Duration(),
        default="30m",
        show_default=True,
        help="Time without a training step, after which a worker is ended and its trial tried again. 0: never.",
    ),
    click.option(
        "--max-failures",
        type=click.IntRange(0),
        default=2,
        show_default=True,
        help="Times that a trial is tried again after its worker was lost.",
    ),
    click.option(
        "--keep",
        type=click.Choice(KEEP),
        default="best+last",
        show_default=True,
        help="Checkpoints that stay of an ended training (of adapters only, with LoRA); a stopped one keeps none but "
        "under all.",
    ),
)

work_options = _together(
    click.option(
        "--concurrency",
        type=click.IntRange(1),
        envvar="SWEEP_CONCURRENCY",
        show_envvar=True,
        help="Trials at a time. Default: as many as cores and GPUs hold.",
    ),
    click.option(
        "--address",
        envvar="SWEEP_ADDRESS",
        show_envvar=True,
        help="HOST:PORT of a running Ray cluster, or auto. Default: a private Ray on this machine.",
    ),
)
