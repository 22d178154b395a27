"""The leaderboard in a terminal: as many columns as fit, and a line that names the others."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from sweep.reporting.columns import KEYS, droppable, table_columns
from sweep.reporting.layout import Column, Layout, lay_out
from sweep.reporting.leaderboard import Row
from sweep.reporting.numbers import cell_format
from sweep.reporting.tables import baseline_line, beats, constants_line, heading, long_text_lines, paper_line
from sweep.store.run_folder import RunFolder
from sweep.store.status import Status

REASON_WIDTH = 60  # characters of a reason; other formats show it in full
TEXTS = ("status", "variant", "cached_from", "stop_reason", "note")  # columns that are aligned to the left
COLOURS = {
    Status.COMPLETED: "green",
    Status.CACHED: "cyan",
    Status.STOPPED: "yellow",
    Status.RUNNING: "blue",
    Status.DIVERGED: "magenta",
    Status.FAILED: "red",
}


def print_table(
    console: Console,
    folder: RunFolder,
    rows: Sequence[Row],
    *,
    top: int | None,
    names: Sequence[str] | None,
    wide: bool,
) -> None:
    """Print the first `top` of `rows`, which are all rows of the run in `folder`.

    `names` are the columns to show (None: choose them). With `wide`, ignore the terminal's width.
    """
    shown = names or table_columns(rows)
    optional = [] if names else droppable(shown, rows)
    layout = lay_out(
        [_column(name, rows, top) for name in shown],
        optional,
        keys=0 if names else len(KEYS),
        width=None if wide else console.width,
    )
    print_layout(console, folder, rows, layout)
    if top is not None and len(rows) > top:
        console.print(f"{len(rows) - top} more rows; omit --top to see them")
    if (line_of_base := baseline_line(rows)) is not None:
        console.print(f"{line_of_base}; [red]<[/] marks a value that does not beat it")
    if "paper" not in layout.left_out and (line_of_paper := paper_line(rows)) is not None:
        console.print(line_of_paper, markup=False)
    for line_of_cuts in long_text_lines(folder):
        console.print(line_of_cuts, markup=False, highlight=False)
    if layout.short_names:
        console.print(", ".join(f"{short} = {name}" for short, name in layout.short_names.items()))
    if layout.left_out:
        console.print(
            f"columns left out: {', '.join(layout.left_out)}; use --wide to show all, or --columns A,B to choose"
        )


def print_layout(console: Console, folder: RunFolder, rows: Sequence[Row], layout: Layout) -> None:
    """Print the lines above a table of a run, and the table."""
    console.print(Text(heading(folder, rows), style="bold"))
    console.print(Text(constants_line(rows), style="dim"))
    console.print()
    for line in layout.lines:
        console.print(line, soft_wrap=True)
    console.print()


def _column(name: str, rows: Sequence[Row], top: int | None) -> Column:
    """Return the column `name` of the first `top` rows, in a format chosen for all rows."""
    values = [row.get(name) for row in rows]
    cells, short_cells = (
        _cells(name, rows, [write(value) for value in values])[:top]
        for write in (cell_format(name, values), cell_format(name, values, short=True))
    )
    return Column(name=name, cells=cells, short_cells=short_cells, is_left=name in TEXTS)


def _cells(name: str, rows: Sequence[Row], texts: Sequence[str]) -> list[Text]:
    """Return the cells, with a mark on values that do not beat the baseline."""
    if name == "status":
        return [Text(text, style=COLOURS.get(row["status"], "")) for row, text in zip(rows, texts, strict=True)]
    if name in ("stop_reason", "note"):
        return [Text(text if len(text) <= REASON_WIDTH else text[: REASON_WIDTH - 1] + "…") for text in texts]
    marked = [_is_below(row, name) for row in rows]
    plain = " " if any(marked) else ""  # so that digits are aligned
    return [Text.assemble(text, ("<", "red") if below else plain) for text, below in zip(texts, marked, strict=True)]


def _is_below(row: dict[str, Any], name: str) -> bool:
    is_compared = row.get(name) is not None and row.get(f"base_{name}") is not None
    return is_compared and not beats(row, name)
