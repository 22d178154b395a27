"""`sweep show`, `samples` and `diff`: look at single points of a run."""

from pathlib import Path

import click

from sweep.cli.group import Command
from sweep.cli.options import OUTPUT, option, out_option
from sweep.errors import UsageError

WHAT = "What to show"

format_option = option(
    OUTPUT,
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Output format; json holds every figure.",
)


@click.command(cls=Command)
@click.argument("run")
@click.argument("point", required=False)
@out_option
@format_option
def show(run: str, point: str | None, out: Path, form: str) -> None:
    """Show everything about POINT of RUN: settings, scores, learning curve, cost, provenance and first samples.

    POINT is a point_id from `sweep report --rows`, or its first characters; the default is the best point. Settings
    that vary in the run come first.

    \b
    sweep show lora_rank
    sweep show lora_rank c0a0 --format json
    """
    from sweep.reporting.inspect.details import details
    from sweep.reporting.inspect.details_text import details_text
    from sweep.reporting.inspect.shown_point import open_points
    from sweep.reporting.inspect.text import json_text
    from sweep.store.locate import find_run

    (shown,) = open_points(find_run(out, run), [point])
    found = details(shown)
    click.echo(json_text(found.as_dict()) if form == "json" else details_text(found))


@click.command(cls=Command)
@click.argument("run")
@click.argument("point", required=False)
@option(
    WHAT,
    "--top",
    type=click.IntRange(1),
    metavar="N",
    default=3,
    show_default=True,
    help="Number of samples to show of each kind.",
)
@option(
    WHAT,
    "--prompt",
    "number",
    type=click.IntRange(0),
    metavar="N",
    help="Show only the samples of dev example N. Examples are numbered from 0.",
)
@option(
    WHAT,
    "--against",
    metavar="POINT",
    help="Show how the text of another point differs, word by word, on the example of --prompt; by default on the one "
    "whose scores differ most. For a classifier, list the examples that only one of the two points got right.",
)
@out_option
def samples(run: str, point: str | None, top: int, number: int | None, against: str | None, out: Path) -> None:
    """Read what the model of POINT wrote on the dev set: its best and worst texts, beside their references.

    If the task has classes, list the examples that it got wrong, the most certain errors first. POINT is a point_id
    from `sweep report --rows`, or its first characters; the default is the best point. Texts are ordered by their own
    scores. Control characters in them are shown escaped.

    \b
    sweep samples lora_rank --top 1
    sweep samples lora_rank c0a0 --prompt 3
    sweep samples lora_rank c0a0 --against 543a
    """
    from sweep.reporting.inspect.against import against_text
    from sweep.reporting.inspect.samples_text import prompt_text, samples_text
    from sweep.reporting.inspect.shown_point import open_points
    from sweep.reporting.terminal import make_console
    from sweep.store.locate import find_run

    folder, width = find_run(out, run), make_console(stderr=False).width
    if against is not None:
        shown, other = open_points(folder, [point, against])
        click.echo(against_text(shown, other, number, top))
        return
    (shown,) = open_points(folder, [point])
    click.echo(samples_text(shown, top, width) if number is None else prompt_text(shown, number, width))


@click.command(cls=Command)
@click.argument("run")
@click.argument("a")
@click.argument("b")
@out_option
@format_option
def diff(run: str, a: str, b: str, out: Path, form: str) -> None:
    """Compare two points of RUN, A and B: settings that differ, scores, single examples and costs.

    A and B are point_ids from `sweep report --rows`, or their first characters. The sign test says whether the
    difference could be due to the choice of dev examples. To find out whether the configurations differ over their
    seeds, use `sweep compare`.

    \b
    sweep diff lora_rank c0a0 543a
    sweep diff lora_rank c0a0 543a --format json
    """
    from sweep.reporting.inspect.difference import difference
    from sweep.reporting.inspect.difference_text import difference_text
    from sweep.reporting.inspect.shown_point import open_points
    from sweep.reporting.inspect.text import json_text
    from sweep.store.locate import find_run

    one, other = open_points(find_run(out, run), [a, b])
    if one.point == other.point:
        raise UsageError(f"{a} and {b} are the same point, {one.point.point_id}; name two points")
    found = difference(one, other)
    click.echo(json_text(found.as_dict()) if form == "json" else difference_text(found))
