"""The table of a leaderboard.parquet in a terminal."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from sweep.reporting.columns import KEYS
from sweep.reporting.layout import Column, lay_out
from sweep.reporting.leaderboard_file import SCORES, LeaderboardFile
from sweep.reporting.numbers import cell_format


def print_file(console: Console, path: Path, found: LeaderboardFile, *, wide: bool) -> None:
    """Print the rows of a leaderboard file, in the width of the console unless `wide`."""
    columns = []
    for name in found.columns:
        values = [row[name] for row in found.rows]
        whole, short = cell_format(name, values), cell_format(name, values, short=True)
        columns.append(
            Column(
                name=name,
                cells=[Text(whole(one)) for one in values],
                short_cells=[Text(short(one)) for one in values],
                is_left=name == "status",
            )
        )
    layout = lay_out(columns, SCORES[::-1], keys=len(KEYS), width=None if wide else console.width)
    console.print(Text(f"{path}: the first {len(found.rows):,} of {found.total:,} rows", style="bold"))
    console.print()
    for line in layout.lines:
        console.print(line, soft_wrap=True)
    if layout.left_out:
        console.print(f"columns left out: {', '.join(layout.left_out)}; use --wide to show all")
    console.print("A file holds rows only: conclusions and health checks need the run.", style="dim")
