"""The leaderboard for people and for programs: terminal, Markdown, CSV, JSON.

The terminal and Markdown tables hold the columns a person compares: only those settings that vary. CSV and JSON hold
every column.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from model.task_specs import TASKS
from sweep.reporting.leaderboard import COMPARED, METRICS, Row, schema
from sweep.reporting.rung_report import Rung
from sweep.reporting.settings import informative_keys, settings_of
from sweep.reporting.time_to_target import COLUMNS
from sweep.store.run_folder import RunFolder
from sweep.store.status import Status

ALWAYS = ("rank", "status")
REASON_WIDTH = 60  # characters of a reason in the terminal; the other formats have all of it
COLOURS = {
    Status.COMPLETED: "green",
    Status.CACHED: "cyan",
    Status.STOPPED: "yellow",
    Status.RUNNING: "blue",
    Status.DIVERGED: "magenta",
    Status.FAILED: "red",
}


def columns(rows: Sequence[Row]) -> list[str]:
    """What a person compares: rank, status, varying_keys settings, scores, cost."""
    told = informative_keys(settings_of(rows))
    settings = [key for key in schema().names if key in told]
    budgets = ["epochs_budget"] if len({row["epochs_budget"] for row in rows}) > 1 else []
    partial = ["epoch"] if any(not row["status"].is_complete for row in rows) else []
    rungs = ["rung"] if any(row.get("rung") for row in rows) else []
    metrics = [metric for task in dict.fromkeys(row["task"] for row in rows) for metric in TASKS[task].metrics]
    reasons = ["stop_reason"] if any(row.get("stop_reason") for row in rows) else []
    losses = ["dev_loss", "best_dev_loss", "best_epoch", "train_loss"]
    cost = ["trainable_params", "train_seconds"]
    reached = [name for name in COLUMNS if rows and name in rows[0]]
    origin = ["cached_from"] if any(row.get("cached_from") for row in rows) else []
    paper = ["paper"] if any(row.get("paper") is not None for row in rows) else []
    return [
        *ALWAYS,
        *settings,
        *budgets,
        *partial,
        *rungs,
        *metrics,
        *paper,
        *losses,
        *cost,
        *reached,
        *origin,
        *reasons,
    ]


def sort_rows(rows: Sequence[Row], column: str | None) -> list[Row]:
    """Rows as ranked, or by `column`: losses, costs and settings upwards, metrics downwards; missing values last."""
    if column is None:
        return list(rows)
    sign = -1 if column in METRICS else 1
    present = [row for row in rows if row.get(column) is not None and row[column] == row[column]]  # nan != nan
    numeric = all(isinstance(row[column], int | float) for row in present)
    ordered = sorted(present, key=lambda row: sign * row[column] if numeric else str(row[column]))
    return ordered + [row for row in rows if row not in present]


def heading(folder: RunFolder, rows: Sequence[Row]) -> str:
    """One line on what the table is of. The base is always named: numbers of different bases do not compare."""
    spec = folder.spec
    tasks = ", ".join(sorted({row["task"] for row in rows}))
    bases = ", ".join(sorted({row["base"] for row in rows}))
    seeds = len({row["seed"] for row in rows})
    count = f"{seeds} seed{'s' if seeds > 1 else ''}"
    return f"{folder.name}: space {spec.space}, task {tasks}, base {bases}, {count}, {spec.provenance.device}"


def baseline_line(rows: Sequence[Row]) -> str | None:
    """The un-tuned base's scores, as the range over decodings and seeds, and how many rows beat it."""
    known = [name for name in COMPARED if any(row.get(f"base_{name}") is not None for row in rows)]
    if not known:
        return None
    parts = []
    for name in known:
        values = sorted({row[f"base_{name}"] for row in rows if row.get(f"base_{name}") is not None})
        span = _number(values[0]) if len(values) == 1 else f"{_number(values[0])} to {_number(values[-1])}"
        beaten = [
            _beats(row, name) for row in rows if row.get(name) is not None and row.get(f"base_{name}") is not None
        ]
        parts.append(f"{name} {span} (bettered by {sum(beaten)} of {len(beaten)} rows)")
    return "un-tuned base: " + ", ".join(parts)


def paper_line(rows: Sequence[Row]) -> str | None:
    """What the column `paper` is, where there is one."""
    known = next((row for row in rows if row.get("paper") is not None), None)
    if known is None:
        return None
    notes = dict.fromkeys(row["paper_note"] for row in rows if row.get("paper_note"))
    line = f"paper: {known['metric']} as published, of GPT-2 small on the paper's data, one seed"
    return "; ".join([line, *notes])


def footnotes(rows: Sequence[Row]) -> list[str]:
    """The lines below a table."""
    return [line for line in (baseline_line(rows), paper_line(rows)) if line is not None]


def _beats(row: Row, name: str) -> bool:
    gain = row[name] - row[f"base_{name}"]
    return bool(gain > 0 if name in METRICS else gain < 0)


def terminal_table(rows: Sequence[Row], title: str | None) -> Table:
    """A rich table of `columns`; scores that do not reach the un-tuned base are marked."""
    shown = columns(rows)
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in shown:
        text = name in (*ALWAYS[1:], "cached_from", "stop_reason")
        table.add_column(
            name,
            justify="left" if text else "right",
            no_wrap=True,
            max_width=REASON_WIDTH if name == "stop_reason" else None,
        )
    for row in rows:
        table.add_row(*(_cell(row, name) for name in shown))
    return table


def _cell(row: Row, name: str) -> str:
    text = escape(_text(row.get(name)))
    if name == "status":
        colour = COLOURS.get(row["status"])
        return f"[{colour}]{text}[/]" if colour else text
    below = name in COMPARED and row.get(name) is not None and row.get(f"base_{name}") is not None
    return f"{text} [red]<[/]" if below and not _beats(row, name) else text


def markdown(rows: Sequence[Row]) -> str:
    """A Markdown table of `columns`."""
    return _markdown(columns(rows), rows)


def _markdown(names: Sequence[str], records: Sequence[Mapping[str, Any]]) -> str:
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(_text(one.get(name)).replace("|", r"\|") for name in names) + " |" for one in records]
    return "\n".join(lines)


def all_columns(rows: Sequence[Row]) -> list[str]:
    """The schema's columns and, behind them, those that only this report has."""
    return list(dict.fromkeys([*schema().names, *(name for row in rows for name in row)]))


def json_text(rows: Sequence[Row]) -> str:
    """Every column of every row; valid JSON, so a loss that is not a finite number is null (its status says why)."""
    names = all_columns(rows)
    return json.dumps([{name: _plain(row.get(name)) for name in names} for row in rows], indent=1, allow_nan=False)


def csv_text(rows: Sequence[Row]) -> str:
    """Every column of every row."""
    return _csv(all_columns(rows), rows)


def _csv(names: Sequence[str], records: Sequence[Mapping[str, Any]]) -> str:
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_safe(_plain(one.get(name))) for name in names] for one in records)
    return sink.getvalue().rstrip("\n")


def rung_text(rungs: Sequence[Rung], form: str) -> str:
    """The rungs in `form`: json, csv, or a Markdown table with a line on what the figures are."""
    records = [asdict(rung) for rung in rungs]
    if not records:
        return "no rungs: trainings of this run are too short for one"
    if form == "json":
        return json.dumps(records, indent=1, allow_nan=False)
    if form == "csv":
        return _csv(list(records[0]), records)
    note = (
        "agreement: rank correlation of the dev loss at a rung with that at the end; kept: share of the best at "
        "the end that the rung lets through; winner: whether it lets the best one through. All of `known` trainings."
    )
    return f"{_markdown(list(records[0]), records)}\n\n{note}"


def print_table(console: Console, folder: RunFolder, rows: Sequence[Row], top: int | None) -> None:
    """The terminal's report: heading, the first `top` rows, the un-tuned base beside all of them."""
    console.print(terminal_table(rows[:top], escape(heading(folder, rows))))
    if top is not None and len(rows) > top:
        console.print(f"{len(rows) - top} more rows: leave out --top to see them")
    if (line := baseline_line(rows)) is not None:
        console.print(f"{line}; [red]<[/] marks a value that does not")
    if (line := paper_line(rows)) is not None:
        console.print(line)


def _plain(value: Any) -> Any:
    """`value` as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value


def _safe(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula is quoted; numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and value.lstrip().startswith(("=", "+", "-", "@")) else value


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return _number(value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) and value >= 10_000 else str(value)


def _number(value: float) -> str:
    """Four significant digits, more where the number before the point needs them."""
    return f"{value:.3f}" if 1 <= abs(value) < 1000 else f"{value:.4g}"
