"""`sweep import`: write a space file from an Optuna study."""

from pathlib import Path

import click

from sweep.cli.group import Command
from sweep.cli.options import OUTPUT, WHAT, option
from sweep.console import say
from sweep.errors import UsageError


@click.command("import", cls=Command)
@click.argument("kind", type=click.Choice(["optuna"]))
@click.argument("file", type=click.Path(path_type=Path))
@option(WHAT, "--study", metavar="NAME", help="Name of the study. Default: the only one in the file.")
@option(WHAT, "--task", metavar="NAME", default="sonnets", show_default=True, help="Task of the space.")
@option(
    WHAT,
    "--map",
    "names",
    metavar="THEIRS=OURS",
    multiple=True,
    help="Map a parameter of the study to a setting, such as learning_rate=lr. Repeatable.",
)
@option(
    WHAT,
    "--first",
    type=click.IntRange(0),
    metavar="N",
    default=5,
    show_default=True,
    help="Number of the study's best trials to start a search with.",
)
@option(OUTPUT, "--to", type=click.Path(path_type=Path), required=True, help="New space file to write.")
def import_study(
    kind: str, file: Path, study: str | None, task: str, names: tuple[str, ...], first: int, to: Path
) -> None:
    """Write a space file from an existing study. KIND is optuna, and FILE the SQLite file with the study.

    Parameters that have the name of a setting become axes with the same ranges; the others are left out, with a
    message. `--search random` and `--search tpe` start with the best trials of the study. These are trained again,
    because the scores of another program are not comparable.

    \b
    sweep import optuna study.db --to their_space.py --map learning_rate=lr
    """
    from sweep.export.optuna_space import import_study as imported

    if to.exists():
        raise UsageError(f"--to: {to} exists already; name another file")
    found = imported(file, study, task, _pairs(names), first)
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(found.source, encoding="utf-8")
    for remark in found.remarks:
        say(remark, err=True)
    axes, points = len(found.space.axes), len(found.space.points_to_evaluate)
    click.echo(
        f"{to}: {axes} axes and {points} points to start with, from the study {found.study!r}; "
        f"search it with `sweep run {to} --search tpe --num-samples 30`"
    )


def _pairs(names: tuple[str, ...]) -> dict[str, str]:
    for name in names:
        if not all(name.partition("=")):
            raise UsageError(f"--map {name}: write THEIRS=OURS, for example learning_rate=lr")
    return {theirs: ours for theirs, _, ours in (name.partition("=") for name in names)}
