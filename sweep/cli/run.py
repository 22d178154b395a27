"""`sweep run` and `sweep resume`: work on a run."""

import sys
import tempfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from sweep.cli.group import Command
from sweep.cli.hints import set_instead
from sweep.cli.options import (
    WHAT,
    keep_option,
    limit_options,
    machine_options,
    option,
    out_option,
    output_options,
    search_options,
    session_options,
    what_options,
)
from sweep.console import say
from sweep.planning.config import RunLimits, TuneConfig

T = TypeVar("T", TuneConfig, RunLimits)


class RunCommand(Command):
    """`sweep run`, which knows what is a setting and no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if (hint := set_instead(error.option_name, given)) is None:
                raise
            raise click.UsageError(
                f"No such option: {error.option_name}. It is a setting: write {hint}", ctx
            ) from error


@click.command(cls=RunCommand)
@click.argument("space")
@what_options
@search_options
@machine_options
@limit_options
@output_options
@click.pass_context
def run(
    ctx: click.Context,
    /,
    space: str,
    settings: tuple[str, ...],
    keep_best_epoch: bool,
    precision: str | None,
    no_cache: bool,
    concurrency: int | None,
    dry_run: bool,
    measure: bool,
    verbose: bool,
    log: tuple[str, ...],
    **options: Any,
) -> None:
    """Train and score every point of SPACE: a space file, or a name that `sweep spaces` lists.

    Repeating the command resumes an unfinished run; of a finished run it prints the summary. Points that other runs
    have computed come from the cache.

    A point is one configuration with one seed, a row of the leaderboard; a trial is one training run.

    \b
    sweep run lora_rank                               the paper's rank grid, on the base `tiny`
    sweep run lora_rank --set epochs=1 --dry-run      what one epoch of it would cost
    sweep run my/own.py --base gpt2 --gpus-per-trial 0.5 --seeds 3
    """
    from sweep.cli.session import work
    from sweep.export.as_base import resolve_base
    from sweep.prepare import RunRequest, prepare
    from sweep.store.activity import is_computed
    from sweep.store.state import load_state

    place = Path(ctx.with_resource(tempfile.TemporaryDirectory())) if dry_run else None  # a dry run leaves nothing
    options["base"] = resolve_base(options["base"], options["out"], place)
    request = RunRequest(
        space=space,
        settings=(
            *settings,
            *["keep_best_epoch=true"] * keep_best_epoch,
            *([f"precision={precision}"] if precision else []),
        ),
        use_cache=not no_cache,
        tune_config=_taken(TuneConfig, options),
        limits=_taken(RunLimits, options),
        command=["sweep", *sys.argv[1:]],
        **options,
    )
    prepared = prepare(request)
    if dry_run:
        from sweep.cli.preview import preview

        for line in preview(prepared, concurrency, measure):
            click.echo(line)
        return
    folder = prepared.open_or_create()
    if is_computed(folder, load_state(folder)):
        say(f"nothing is left to compute: run {folder.name} holds these rows; --no-cache computes them anew")
    work(folder, prepared.spec, prepared.spec.limits, concurrency, request.address, verbose, log)


@click.command(cls=Command)
@click.argument("run")
@option(
    WHAT,
    "--set",
    "settings",
    metavar="data=PATH",
    multiple=True,
    help="Where the data or the base (base=PATH) lies now, if it was moved. Its content must be the same. Repeatable.",
)
@session_options
@limit_options
@out_option
@keep_option
@click.pass_context
def resume(
    ctx: click.Context,
    /,
    run: str,
    out: Path,
    settings: tuple[str, ...],
    executor: str | None,
    concurrency: int | None,
    address: str | None,
    verbose: bool,
    log: tuple[str, ...],
    **limits: Any,
) -> None:
    """Continue RUN where it stopped. RUN is a name under --out, or the path of a run folder.

    Finished trials are not run again; failed trials are retried. The run keeps its own limits, except for those given
    here.
    """
    from sweep.cli.session import work
    from sweep.planning.overrides import parse_paths
    from sweep.prepare import prepare_resume
    from sweep.store.locate import find_run

    folder = find_run(out, run)
    is_typed = ctx.get_parameter_source("settings") is ParameterSource.COMMANDLINE  # sweep.toml means `sweep run`
    moved = parse_paths(settings) if is_typed else {}
    session = prepare_resume(folder, executor=executor, address=address, moved=moved)
    given = {
        name: value for name, value in limits.items() if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    work(folder, session, replace(session.limits, **given), concurrency, address, verbose, log)


def _taken(kind: type[T], options: dict[str, Any]) -> T:
    """Return a `kind` made of its own fields, which are taken out of `options`."""
    return kind(**{field.name: options.pop(field.name) for field in fields(kind)})
