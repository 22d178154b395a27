"""`sweep report`: the leaderboard of a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweep.cli.group import Command
from sweep.cli.options import OUTPUT, option, out_option
from sweep.errors import RunError
from sweep.reporting.terminal import make_console

if TYPE_CHECKING:
    from sweep.reporting.leaderboard import Row
    from sweep.store.run_folder import RunFolder

FORMATS = ("table", "json", "csv", "md")


@click.command(cls=Command)
@click.argument("run", required=False)
@out_option
@option(
    OUTPUT, "--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="Output format."
)
@option(OUTPUT, "--top", type=click.IntRange(1), metavar="N", help="Print only the first N rows.")
@option(OUTPUT, "--columns", metavar="A,B", help="Print these columns only. `--format csv` shows every name.")
@option(
    OUTPUT, "--wide", is_flag=True, help="Print every column of the table, also those that do not fit the terminal."
)
@option(OUTPUT, "--sort", metavar="COLUMN", help="Sort by this column instead of by rank.")
@option(
    OUTPUT,
    "--target-loss",
    type=float,
    metavar="LOSS",
    help="Add the epochs and the seconds of training that each row took to reach a dev loss of LOSS (nats per token or "
    "answer).",
)
@option(
    OUTPUT,
    "--rungs",
    is_flag=True,
    help="Print instead whether early stopping would have kept the winner. Only trials that ran to the end tell, so a "
    "full grid is best.",
)
def report(
    run: str | None,
    out: Path,
    form: str,
    top: int | None,
    columns: str | None,
    wide: bool,
    sort: str | None,
    target_loss: float | None,
    rungs: bool,
) -> None:
    """Print the leaderboard of RUN (a name under --out, or a path), by default of the latest run.

    The table shows the settings that vary; json and csv hold every column. Only comparable rows are ranked: same task,
    data and epochs, and trained to the end.
    """
    from sweep.reporting.leaderboard import rows as leaderboard_rows
    from sweep.reporting.paper_scores import with_paper
    from sweep.reporting.time_to_target import with_reach
    from sweep.store.locate import find_run_or_latest
    from sweep.store.state import load_state

    folder = find_run_or_latest(out, run)
    state = load_state(folder)
    if rungs:
        from sweep.reporting.rung_report import rungs as judged
        from sweep.reporting.tables import rung_text

        click.echo(rung_text(judged(folder, state), form))
        return
    rows = with_paper(leaderboard_rows(folder, state), folder.spec.space)
    if target_loss is not None:
        rows = with_reach(rows, state, target_loss)
    _print(folder, rows, form, top, _known_columns(rows, sort, columns), sort, wide)


def _known_columns(rows: "Sequence[Row]", sort: str | None, columns: str | None) -> list[str] | None:
    """Return the names in `columns`. Raises RunError where one of them, or `sort`, is no column."""
    from sweep.reporting.columns import all_columns

    names = columns.split(",") if columns is not None else []
    known = all_columns(rows)
    for option_name, name in [("--sort", sort)] * (sort is not None) + [("--columns", name) for name in names]:
        if name not in known:
            raise RunError(f"{option_name} {name}: no such column. Known: {', '.join(known)}")
    return names or None


def _print(
    folder: "RunFolder",
    rows: "Sequence[Row]",
    form: str,
    top: int | None,
    names: list[str] | None,
    sort: str | None,
    wide: bool,
) -> None:
    from sweep.reporting import tables
    from sweep.reporting.columns import table_columns
    from sweep.reporting.terminal_table import print_table

    rows = tables.sort_rows(rows, sort)
    shown = rows[:top]
    if form == "table":
        print_table(make_console(stderr=False), folder, rows, top=top, names=names, wide=wide)
    elif form == "md":
        click.echo(f"{tables.heading(folder, rows)}\n\n{tables.constants_line(rows)}\n")
        click.echo(tables.markdown(names or table_columns(rows), shown))
        for line in tables.footnotes(rows):
            click.echo("\n" + line)
    else:
        click.echo(tables.json_text(names, shown) if form == "json" else tables.csv_text(names, shown))
