"""`sweep report`: the leaderboard of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sweep.cli.group import Command
from sweep.cli.options import OUTPUT, option, out_option
from sweep.errors import RunError, UsageError
from sweep.reporting.formats import FORMATS, Report, find_format

if TYPE_CHECKING:
    from sweep.reporting.leaderboard import Row
    from sweep.store.run_folder import RunFolder


@click.command(cls=Command)
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@out_option
@option(
    OUTPUT,
    "--format",
    "form",
    metavar=f"[{'|'.join(FORMATS)}|MODULE:NAME]",
    default="table",
    show_default=True,
    help="Output format; MODULE:NAME is a function of your own.",
)
@option(
    OUTPUT,
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write everything about the runs to one HTML page with charts, tables and texts. Needs the extra `plots`.",
)
@option(OUTPUT, "--top", type=click.IntRange(1), metavar="N", help="Print only the first N lines of the table.")
@option(
    OUTPUT,
    "--rows/--settings",
    "by_row",
    default=None,
    help="List every row, or one line per configuration with its mean over the seeds. Default: the latter, if the run "
    "has several seeds. --columns, --sort and --target-loss list rows.",
)
@option(OUTPUT, "--columns", metavar="A,B", help="Print these columns only. `--format csv` shows every name.")
@option(
    OUTPUT, "--wide", is_flag=True, help="Print every column of the table, also those that do not fit the terminal."
)
@option(
    OUTPUT,
    "--metric",
    metavar="NAME",
    help="Rank by this metric of the task, or dev_loss. Default: what the run was started with.",
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
    help="Instead of the leaderboard, print whether early stopping would have kept the winner. Only trials that ran to "
    "the end count, so use a full grid.",
)
def report(
    runs: tuple[str, ...],
    out: Path,
    form: str,
    page: Path | None,
    top: int | None,
    by_row: bool | None,
    columns: str | None,
    wide: bool,
    metric: str | None,
    sort: str | None,
    target_loss: float | None,
    rungs: bool,
) -> None:
    """Print the leaderboard of RUN (a name under --out, or a path), by default of the latest run.

    RUN may also be a leaderboard.parquet, of which only the rows are printed: by default the first 20.

    --html, --format json and --format csv take several runs; `sweep compare` compares them.

    With several seeds, it lists each configuration with its mean over the seeds and the 95 % interval, marks those that
    cannot be told apart from the best, and says whether the best is more than luck. The table shows the settings that
    vary; json and csv hold every figure. Only comparable rows are ranked: same task, data, base and epochs, and trained
    to the end.
    """
    from sweep.store.locate import find_run_or_latest

    write = find_format(form)
    ordering = {"--top": top, "--columns": columns, "--sort": sort}
    listing = {"--rows": by_row, "--target-loss": target_loss, "--rungs": rungs or None}
    if page is not None:
        _refuse("--html", {**ordering, **listing})
    elif len(runs) > 1:
        _refuse("several runs", {"--top": top, "--sort": sort, **listing})
    if len(runs) == 1 and runs[0].endswith(".parquet") and page is None:
        _refuse("a Parquet file", {**listing, "--metric": metric})
        _print_file(Path(runs[0]), form, top, sort, columns, wide)
        return
    folders = [find_run_or_latest(out, run) for run in runs or (None,)]
    if page is not None:
        _write_page(folders, metric, page)
    elif len(folders) > 1:
        click.echo(_joined_rows(folders, metric, form, columns))
    elif rungs:
        click.echo(_rung_report(folders[0], form))
    else:
        found = _leaderboard(folders[0], metric, sort, columns, target_loss, by_row)
        click.echo(write(replace(found, top=top, wide=wide)))


def _refuse(what: str, options: Mapping[str, Any]) -> None:
    """Raise UsageError if one of `options` is given, which `what` has no use for."""
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise UsageError(f"{what} and {given[0]} do not go together: leave {given[0]} out")


def _leaderboard(
    folder: "RunFolder",
    metric: str | None,
    sort: str | None,
    columns: str | None,
    target_loss: float | None,
    by_row: bool | None,
) -> Report:
    """Return the rows of a run as the user wants to see them. Raise RunError where an option names no column."""
    from sweep.reporting.leaderboard import rows as leaderboard_rows
    from sweep.reporting.paper_scores import with_paper
    from sweep.reporting.tables import sort_rows
    from sweep.reporting.time_to_target import with_reach
    from sweep.store.state import load_state

    state = load_state(folder)
    rows = with_paper(leaderboard_rows(folder, state, metric), folder.spec.space)
    if target_loss is not None:
        rows = with_reach(rows, state, target_loss)
    names = _known_columns(rows, sort, columns)
    if by_row is None:
        by_row = bool(names or sort or target_loss is not None) or len({row["seed"] for row in rows}) < 2
    return Report(folder=folder, state=state, rows=sort_rows(rows, sort), columns=names, by_setting=not by_row)


def _rung_report(folder: "RunFolder", form: str) -> str:
    """Return whether early stopping would have kept the winner."""
    from sweep.reporting.rung_report import rungs
    from sweep.reporting.tables import rung_text
    from sweep.store.state import load_state

    return rung_text(rungs(folder, load_state(folder)), form)


def _print_file(path: Path, form: str, top: int | None, sort: str | None, columns: str | None, wide: bool) -> None:
    """Print the best rows of a leaderboard.parquet."""
    from sweep.reporting.file_table import print_file
    from sweep.reporting.leaderboard_file import read_leaderboard
    from sweep.reporting.terminal import make_console

    if form != "table":
        raise RunError(f"--format {form}: of a file only the table is printed; programs read Parquet themselves")
    found = read_leaderboard(path, top=top, sort=sort, columns=columns.split(",") if columns else None)
    print_file(make_console(stderr=False), path, found, wide=wide)


def _write_page(folders: "Sequence[RunFolder]", metric: str | None, path: Path) -> None:
    """Write the page of the runs to `path`."""
    from sweep.charts.extra import require_plots

    require_plots("--html")
    from sweep.charts.source import open_source
    from sweep.page.page import write_page
    from sweep.reporting.numbers import size

    write_page([open_source(folder, metric) for folder in folders], path)
    click.echo(f"{path}: {size(path.stat().st_size)}; open it in a browser")


def _joined_rows(folders: "Sequence[RunFolder]", metric: str | None, form: str, columns: str | None) -> str:
    """Return the rows of several runs as JSON or CSV. Raise RunError for other formats."""
    from sweep.reporting.leaderboard import rows as leaderboard_rows
    from sweep.reporting.tables import csv_text, json_text
    from sweep.store.state import load_state

    formats = {"json": json_text, "csv": csv_text}
    if form not in formats:
        raise RunError("several runs need --html FILE, --format json or --format csv; `sweep compare` compares them")
    rows = [row for folder in folders for row in leaderboard_rows(folder, load_state(folder), metric)]
    return formats[form](_known_columns(rows, None, columns), rows)


def _known_columns(rows: "Sequence[Row]", sort: str | None, columns: str | None) -> list[str] | None:
    """Return the names in `columns`. Raises RunError where one of them, or `sort`, is no column."""
    from sweep.reporting.columns import all_columns

    names = columns.split(",") if columns is not None else []
    known = all_columns(rows)
    for option_name, name in [("--sort", sort)] * (sort is not None) + [("--columns", name) for name in names]:
        if name not in known:
            raise RunError(f"{option_name} {name}: no such column. Known: {', '.join(known)}")
    return names or None
