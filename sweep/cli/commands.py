"""The `sweep` command. Heavy imports wait inside the commands, so that help is instant.

Data goes to stdout, progress and messages to stderr. Values come from a flag, else from the environment (SWEEP_OUT,
SWEEP_BASE, ...), else from ./sweep.toml, else from the default.
"""

import gc as garbage_collector
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from sweep.cli.options import GPUShare, limit_options, out_option, strategy_options, work_options
from sweep.cli.terminal import make_console
from sweep.console import say
from sweep.errors import InfrastructureError, RunError, UsageError
from sweep.execution.interrupts import Interrupts
from sweep.planning.config import KEEP, RunLimits, TuneConfig

if TYPE_CHECKING:
    from sweep.store.run_folder import RunFolder
    from sweep.store.run_spec import RunSpec

T = TypeVar("T", TuneConfig, RunLimits)
CONFIG = Path("sweep.toml")
GARBAGE = 100_000  # new objects between two looks for cycles: ten thousand records are read, and none has any
FORMATS = ("table", "json", "csv", "md")


class Command(click.Command):
    """A command that hears signals, as its `obj`, and whose user errors end in one line and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        with Interrupts() as ctx.obj:
            try:
                return super().invoke(ctx)
            except UsageError as error:
                say(f"Error: {error}", err=True)
                ctx.exit(2)
            except InfrastructureError as error:
                say(f"Error: {error}", err=True)
                ctx.exit(1)
            except KeyboardInterrupt:
                say("interrupted", err=True)
                ctx.exit(ctx.obj.exit_code)


class Group(click.Group):
    command_class = Command


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="explora-sweep", prog_name="sweep")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Search hyperparameters of GPT-2 fine-tuning, and report honestly.

    \b
    sweep run spaces/lora_rank.py     train every point of a space
    sweep run lora_rank               the same, again: nothing is computed twice
    sweep report                      the leaderboard of the latest run
    """
    garbage_collector.set_threshold(GARBAGE)
    ctx.default_map = {name: _config() for name in main.commands}


def _config() -> dict[str, Any]:
    """Defaults from ./sweep.toml, by option name: `out = "runs"`, `concurrency = 2`."""
    if not CONFIG.exists():
        return {}
    try:
        values = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{CONFIG}: {error}") from error
    options = [p for command in main.commands.values() for p in command.params if isinstance(p, click.Option)]
    known = {option.opts[0].removeprefix("--"): option.name for option in options}
    if unknown := [name for name in values if name not in known]:
        raise click.UsageError(f"{CONFIG}: unknown option {unknown[0]!r}. Known: {', '.join(known)}")
    return {str(known[name]): value for name, value in values.items()}


@main.command()
@click.argument("space")
@click.option("--name", help="Name of the run. Default: the space's name, numbered where it is taken.")
@out_option
@click.option(
    "--base",
    envvar="SWEEP_BASE",
    show_envvar=True,
    help="Pretrained model: tiny, gpt2, gpt2-medium, gpt2-large, gpt2-xl, distilgpt2, a hub id owner/name, or the "
    "folder of a checkpoint. Default: tiny.",
)
@click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    help="Override a setting or an axis of the space; KEY=A,B makes it an axis. Repeatable.",
)
@strategy_options
@click.option(
    "--cpus-per-trial",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Cores, and threads, of each trial. Results depend on it in their last bits.",
)
@click.option(
    "--gpus-per-trial",
    type=GPUShare(),
    default="0",
    show_default=True,
    help="GPUs of each trial; a fraction shares one. auto: as small a share as the heaviest trial's memory allows, "
    "measured over one epoch.",
)
@click.option(
    "--executor",
    type=click.Choice(["ray", "inline"]),
    default="ray",
    show_default=True,
    help="ray: parallel workers. inline: one trial after the other in this process.",
)
@work_options
@limit_options
@click.option("--dry-run", is_flag=True, help="Say what would be computed and what it would take, and stop.")
@click.option("--measure", is_flag=True, help="With --dry-run: train one epoch first, to know what epochs take.")
@click.option("--no-cache", is_flag=True, help="Compute every point, even those that an earlier run has.")
def run(
    space: str,
    name: str | None,
    out: Path,
    base: str | None,
    settings: tuple[str, ...],
    cpus_per_trial: int,
    gpus_per_trial: float | str,
    executor: str,
    concurrency: int | None,
    address: str | None,
    dry_run: bool,
    measure: bool,
    no_cache: bool,
    **policy: Any,
) -> None:
    """Run SPACE: a space file, or the name of one (see `sweep spaces`).

    The same command again goes on where the last one was stopped; once all is done, its rows come from the cache.

    \b
    sweep run lora_rank                               the grid of the paper, on the base `tiny`
    sweep run lora_rank --set epochs=1 --dry-run      what a shorter one would take
    sweep run my/own.py --base gpt2 --gpus-per-trial 0.5 --seeds 3
    """
    from sweep.prepare import RunRequest, prepare

    prepared = prepare(
        RunRequest(
            space=space,
            out=out,
            name=name,
            base=base,
            settings=settings,
            tune_config=_taken(TuneConfig, policy),
            limits=_taken(RunLimits, policy),
            executor=executor,
            cpus_per_trial=cpus_per_trial,
            gpus_per_trial=gpus_per_trial,
            address=address,
            use_cache=not no_cache,
            command=["sweep", *sys.argv[1:]],
        )
    )
    if dry_run:
        from sweep.cli.preview import preview

        for line in preview(prepared, concurrency, measure):
            click.echo(line)
        return
    _work(prepared.folder(), prepared.spec, prepared.spec.limits, concurrency, address)


@main.command()
@click.argument("run")
@out_option
@work_options
@limit_options
@click.option("--executor", type=click.Choice(["ray", "inline"]), help="Default: what the run began with.")
@click.pass_context
def resume(
    ctx: click.Context,
    /,
    run: str,
    out: Path,
    concurrency: int | None,
    address: str | None,
    executor: str | None,
    **policy: Any,
) -> None:
    """Go on with RUN where it stopped. Finished trials are not run again; failed ones are tried again.

    The limits that the run began with hold, unless they are given anew.
    """
    from sweep.planning.provenance import trace
    from sweep.prepare import check_unchanged
    from sweep.store.run_folder import open_run

    folder = open_run(out, run)
    spec = folder.spec
    check_unchanged(spec, trace(spec.probes, gpu=spec.gpus_per_trial > 0, threads=spec.cpus_per_trial))
    given = {
        name: value for name, value in policy.items() if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    limits = replace(spec.limits, **given)
    _work(folder, replace(spec, executor=executor or spec.executor), limits, concurrency, address)


@main.command()
@click.argument("run", required=False)
@out_option
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="How to print.")
@click.option("--top", type=click.IntRange(1), help="Print the first N rows only.")
@click.option("--sort", metavar="COL", help="Order by this column instead of by rank.")
@click.option(
    "--target-loss",
    type=float,
    metavar="LOSS",
    help="Add how many epochs and seconds of training it took to a dev loss (nats per token or answer) of LOSS.",
)
@click.option(
    "--rungs",
    is_flag=True,
    help="Print how well the rungs of the scheduler (of a grid: those that asha would have) foretold the end, instead.",
)
def report(
    run: str | None, out: Path, form: str, top: int | None, sort: str | None, target_loss: float | None, rungs: bool
) -> None:
    """Print the leaderboard of RUN, by default that of the latest run.

    The table shows what varies; json and csv hold every column. Only rows of equal epochs that ran their full length
    have a rank.
    """
    from sweep.reporting import tables
    from sweep.reporting.leaderboard import rows as leaderboard_rows
    from sweep.reporting.paper_scores import with_paper
    from sweep.reporting.time_to_target import with_reach
    from sweep.store.state import load_state

    folder = _run_or_latest(out, run)
    state = load_state(folder)
    if rungs:
        from sweep.reporting.rung_report import rungs as judged

        click.echo(tables.rung_text(judged(folder, state), form))
        return
    rows = with_paper(leaderboard_rows(folder, state), folder.spec.space)
    if target_loss is not None:
        rows = with_reach(rows, state, target_loss)
    if sort is not None and sort not in (known := tables.all_columns(rows)):
        raise RunError(f"--sort {sort}: no such column. Known: {', '.join(known)}")
    rows = tables.sort_rows(rows, sort)
    shown = rows[:top]
    if form == "table":
        tables.print_table(make_console(stderr=False), folder, rows, top)
    elif form == "md":
        click.echo(tables.heading(folder, rows) + "\n\n" + tables.markdown(shown))
        for line in tables.footnotes(rows):
            click.echo("\n" + line)
    else:
        click.echo(tables.json_text(shown) if form == "json" else tables.csv_text(shown))


@main.command()
def spaces() -> None:
    """List the spaces that `sweep run` knows by name."""
    from sweep.planning.plan import make_plan
    from sweep.planning.registry import load_space, space_paths
    from sweep.planning.space import expand

    for name in space_paths():
        try:
            file = load_space(name)
            plan = make_plan(expand(file.space, {}), 1)
        except UsageError as error:
            click.echo(f"{name:20} cannot be read: {error}")
            continue
        about = file.about.splitlines()[0] if file.about else ""
        click.echo(f"{name:20} {len(plan.points):5,} points {len(plan.trials):5,} trainings  {about}")


@main.command()
@out_option
def ls(out: Path) -> None:
    """List the runs under --out, the latest first."""
    from sweep.cli.summary import counts
    from sweep.reporting.leaderboard import load_rows
    from sweep.store.run_folder import list_runs

    for folder in reversed(list_runs(out)):
        try:
            rows = load_rows(folder)
            spec = folder.spec
        except UsageError as error:
            click.echo(f"{folder.name:24} cannot be read: {error}")
            continue
        full = [row for row in rows if row.get("rank") == 1]
        best = f"best {full[0]['metric']} {full[0][full[0]['metric']]:.3f}" if full else "nothing finished"
        click.echo(f"{folder.name:24} {counts(rows):40} {best:22} {spec.space}, begun {spec.created_at[:16]}")


@main.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@out_option
@click.option("--keep", type=click.Choice(KEEP), help="Checkpoints that stay. Default: what each run began with.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and stop.")
def gc(runs: tuple[str, ...], out: Path, keep: str | None, dry_run: bool) -> None:
    """Free what RUNs, by default all, no longer need: checkpoints of ended trainings, what killed runs left behind.

    Leaderboards, ledgers and texts stay; so does what a training needs to go on. Links are not followed.
    """
    from sweep.execution.ray_backend.private_folder import clear_left_folders
    from sweep.store.gc import clean
    from sweep.store.run_folder import open_run

    total = 0
    for freed in clean(out, [open_run(out, name) for name in runs], keep, dry_run):
        total += freed.bytes
        if freed.bytes or freed.note:
            click.echo(f"{freed.run:24} {freed.note or f'{freed.bytes / 2**20:.1f} MiB'}")
    if not dry_run:
        clear_left_folders()
    click.echo(f"{'would free' if dry_run else 'freed'} {total / 2**20:.1f} MiB")


@main.command()
@click.argument("run", required=False)
@out_option
def status(run: str | None, out: Path) -> None:
    """Say how far RUN is, by default the latest run."""
    from sweep.cli.summary import counts
    from sweep.reporting.leaderboard import load_rows

    folder = _run_or_latest(out, run)
    rows = load_rows(folder)
    state = "working" if _is_locked(folder) else "idle"
    click.echo(f"{folder.name}: {counts(rows)}; {state}")
    for row in rows:
        if row["status"].is_open and row.get("epoch"):
            click.echo(f"  {row['point_id']}  {row['status']}  epoch {row['epoch']}/{row['epochs_budget']}")


@main.command()
@out_option
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True, help="How to print."
)
def doctor(out: Path, form: str) -> None:
    """Check whether this machine is fit to run, and say what to do where it is not.

    Ends with 1 where there is a PROBLEM.
    """
    from sweep.doctor import examine, has_problem, json_text, text

    checks = examine(out)
    click.echo(json_text(checks) if form == "json" else text(checks))
    raise SystemExit(1 if has_problem(checks) else 0)


def _taken(kind: type[T], values: dict[str, Any]) -> T:
    """A dataclass from those of `values` that it has."""
    return kind(**{name: values[name] for name in kind.__dataclass_fields__})


def _work(
    folder: "RunFolder", session: "RunSpec", limits: "RunLimits", concurrency: int | None, address: str | None
) -> None:
    """Run what is open of `folder` with the executor of `session`, say how it went, exit with the code that fits."""
    interrupts: Interrupts = click.get_current_context().obj
    try:
        code = _worked(folder, session, limits, concurrency, address, interrupts)
        interrupts.settle()
    except KeyboardInterrupt:
        interrupts.settle()
        say(f"interrupted; go on with: {folder.command('resume')}", err=True)
        code = interrupts.exit_code
    raise SystemExit(code)


def _worked(
    folder: "RunFolder",
    session: "RunSpec",
    limits: "RunLimits",
    concurrency: int | None,
    address: str | None,
    interrupts: Interrupts,
) -> int:
    """`_work`, as long as nobody stops it at once; the exit code."""
    from sweep.cli.progress import progress_reporter
    from sweep.cli.summary import exit_code, summarize
    from sweep.execution.driver import run_session
    from sweep.execution.executors import make_executor
    from sweep.execution.gpus import hold_gpus, visible_gpus

    try:
        executor = make_executor(session, limits, concurrency, address)
        held = visible_gpus() if session.gpus_per_trial and address is None else []
        with hold_gpus(held, folder.name), progress_reporter(folder, make_console(stderr=True)) as view:
            outcome = run_session(
                folder,
                executor,
                view,
                ["sweep", *sys.argv[1:]],
                limits=limits,
                use_cache=folder.spec.use_cache,
                interrupts=interrupts,
            )
    except InfrastructureError as error:
        say(f"Error: {error}; go on with: {folder.command('resume')}", err=True)
        return 1 if interrupts.first is None else interrupts.exit_code
    summarize(folder, outcome)
    return exit_code(folder, outcome)


def _run_or_latest(out: Path, name: str | None) -> "RunFolder":
    from sweep.store.run_folder import list_runs, open_run

    if name is not None:
        return open_run(out, name)
    runs = list_runs(out)
    if not runs:
        raise RunError(f"{out} holds no runs yet: start one with `sweep run lora_rank`")
    return runs[-1]


def _is_locked(folder: "RunFolder") -> bool:
    try:
        with folder.lock():
            return False
    except RunError:
        return True


if __name__ == "__main__":
    main()
