"""`sweep data`: how a user's own data are understood."""

import click

from sweep.cli.group import Command
from sweep.cli.options import OUTPUT, WHAT, option


@click.command(cls=Command)
@click.argument("path")
@option(
    WHAT,
    "--task",
    type=click.Choice(["classification", "pairs", "completion", "text"]),
    help="Task that reads the data. Default: the task whose columns the data has.",
)
@option(WHAT, "--base", default="tiny", show_default=True, help="Model whose tokens are counted.")
@option(
    WHAT,
    "--set",
    "settings",
    metavar="data.KEY=VALUE",
    multiple=True,
    help="How to read the data, as for `sweep run`: data.text=COLUMN, data.split=dev=0.2,test=0.1. Repeatable.",
)
@option(
    OUTPUT, "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Format."
)
def data(path: str, task: str | None, base: str, settings: tuple[str, ...], form: str) -> None:
    """Show how the data at PATH are understood: columns, splits, classes, lengths, duplicates and examples.

    PATH is a file (CSV, TSV, JSON Lines, Parquet or plain text, also with .gz or .zst), a folder of train, dev and test
    files, or a data set owner/name:config of the Hugging Face hub.
    """
    from model.errors import SettingError
    from sweep.datasets.figures import figures
    from sweep.datasets.text import json_text, lines
    from sweep.errors import SpaceError
    from sweep.planning.overrides import parse_data_settings

    given = parse_data_settings(settings)
    try:
        found = figures(path, task, base, given)
    except SettingError as error:
        raise SpaceError(str(error)) from error
    for line in [json_text(found)] if form == "json" else lines(found):
        click.echo(line)
