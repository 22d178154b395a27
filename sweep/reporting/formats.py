"""The registry of report formats: name -> function from a report to text. `sweep report --format` reads it.

To add one, write its function and add its line to `FORMATS`. `--format module:name` uses a function from outside this
package.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from model.suggest import did_you_mean
from sweep.errors import RunError
from sweep.planning.importing import import_object, is_extension, make_importable
from sweep.reporting.terminal import make_console

if TYPE_CHECKING:
    from sweep.reporting.leaderboard import Row
    from sweep.store.run_folder import RunFolder
    from sweep.store.state import RunState


@dataclass(frozen=True, kw_only=True)
class Report:
    """The input of a format: the rows of a run and how to list them."""

    folder: "RunFolder"
    state: "RunState"
    rows: "Sequence[Row]"  # every row, by column name; see sweep.reporting.leaderboard.schema
    top: int | None = None  # how many rows to list; None: all
    columns: Sequence[str] | None = None  # the columns to show; None: the format chooses
    wide: bool = False  # whether a table may be wider than the terminal
    by_setting: bool = False  # whether to list settings, as means over their seeds, instead of rows

    @property
    def shown(self) -> "Sequence[Row]":
        """Return the rows to list."""
        return self.rows[: self.top]


Format = Callable[[Report], str]


def _table(report: Report) -> str:
    from sweep.reporting.terminal_table import print_table
    from sweep.reporting.verdicts.group_table import findings, print_group_table
    from sweep.reporting.verdicts.study import Study

    console = make_console(stderr=False)
    with console.capture() as captured:
        if report.by_setting:
            print_group_table(
                console, report.folder, report.state, Study(report.rows), top=report.top, wide=report.wide
            )
        else:
            print_table(console, report.folder, report.rows, top=report.top, names=report.columns, wide=report.wide)
            if report.columns is None:
                for line in ("", *findings(report.folder, report.state, Study(report.rows))):
                    console.print(line, soft_wrap=True, markup=False)
    return captured.get().removesuffix("\n")


def _markdown(report: Report) -> str:
    from sweep.reporting import tables
    from sweep.reporting.columns import table_columns
    from sweep.reporting.verdicts.group_table import group_markdown
    from sweep.reporting.verdicts.study import Study

    if report.by_setting:
        return group_markdown(report.folder, report.state, Study(report.rows), report.top)
    lines = [tables.heading(report.folder, report.rows), "", tables.constants_line(report.rows), ""]
    lines.append(tables.markdown(report.columns or table_columns(report.rows), report.shown))
    for note in tables.footnotes(report.folder, report.rows):
        lines += ["", note]
    return "\n".join(lines)


def _json(report: Report) -> str:
    from sweep.reporting.tables import json_text, records_json
    from sweep.reporting.verdicts.records import columns, records
    from sweep.reporting.verdicts.study import Study

    if report.by_setting:
        found = records(Study(report.rows))
        return records_json(columns(found), found[: report.top])
    return json_text(report.columns, report.shown)


def _csv(report: Report) -> str:
    from sweep.reporting.tables import csv_text, records_csv
    from sweep.reporting.verdicts.records import columns, records
    from sweep.reporting.verdicts.study import Study

    if report.by_setting:
        found = records(Study(report.rows))
        return records_csv(columns(found), found[: report.top])
    return csv_text(report.columns, report.shown)


def _latex(report: Report) -> str:
    from sweep.reporting import tables
    from sweep.reporting.columns import table_columns
    from sweep.reporting.latex_table import comment, tabular
    from sweep.reporting.verdicts.group_table import group_cells
    from sweep.reporting.verdicts.study import Study

    if report.by_setting:
        table = tabular(*group_cells(Study(report.rows), report.top))
    else:
        names = report.columns or table_columns(report.rows)
        table = tabular(names, tables.formatted(names, report.shown))
    above = [tables.heading(report.folder, report.rows), tables.constants_line(report.rows)]
    below = tables.footnotes(report.folder, report.rows)
    return "\n".join([*map(comment, above), comment(r"needs \usepackage{booktabs}"), table, *map(comment, below)])


FORMATS: dict[str, Format] = {"table": _table, "json": _json, "csv": _csv, "md": _markdown, "latex": _latex}


def find_format(name: str) -> Format:
    """Return the format `name`; `module:name` is imported, also from the working folder.

    Raise RunError if there is no such format, ExtensionError if it cannot be imported.
    """
    if is_extension(name):
        make_importable([Path.cwd()])
        found: Format = import_object(name, Callable)[0]  # type: ignore[arg-type]  # not a class, but isinstance accepts it
        return found
    if name not in FORMATS:
        known = f"{did_you_mean(name, FORMATS)}Known: {', '.join(FORMATS)}, or module:name"
        raise RunError(f"--format: unknown name {name!r}: {known}")
    return FORMATS[name]
