"""The leaderboard as Markdown, CSV and JSON, and the lines above and below a table.

Markdown has only the columns that people compare, with the settings that vary. CSV and JSON have every column.
"""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from model.task_specs import TASKS
from sweep.reporting.columns import all_columns
from sweep.reporting.latex_table import tabular
from sweep.reporting.leaderboard import Row, compared, larger_is_better, metrics_of
from sweep.reporting.numbers import cell_format, decimals, plain_text, setting_text
from sweep.reporting.rung_report import Rung
from sweep.reporting.settings import constant_settings, settings_of
from sweep.store.run_folder import RunFolder


def sort_rows(rows: Sequence[Row], column: str | None) -> list[Row]:
    """Return rows as ranked, or sorted by `column`: metrics descending, others ascending, missing values last."""
    if column is None:
        return list(rows)
    sign = -1 if larger_is_better(column) and any(column in metrics_of(row) for row in rows) else 1
    present = [row for row in rows if row.get(column) is not None and row[column] == row[column]]  # nan != nan
    numeric = all(isinstance(row[column], int | float) for row in present)
    ordered = sorted(present, key=lambda row: sign * row[column] if numeric else str(row[column]))
    return ordered + [row for row in rows if row not in present]


def heading(folder: RunFolder, rows: Sequence[Row]) -> str:
    """Return a line with the run, space, task, base, seeds and device. Scores of different bases do not compare."""
    spec = folder.spec
    tasks = ", ".join(sorted({row["task"] for row in rows}))
    bases = ", ".join(sorted({row["base"] for row in rows}))
    seeds = len({row["seed"] for row in rows})
    count = f"{seeds} seed{'s' if seeds > 1 else ''}"
    return f"{folder.name}: space {spec.space}, task {tasks}, base {bases}, {count}, {spec.provenance.device}"


def constants_line(rows: Sequence[Row]) -> str:
    """Return a line with the settings that all rows share, except those in the heading."""
    constant = constant_settings(settings_of(rows)) if rows else {}
    texts = [f"{key} {setting_text(value)}" for key, value in constant.items() if key not in ("task", "base", "seed")]
    return f"in every row: {', '.join(texts)}" if texts else "in every row: no common settings"


def baseline_line(rows: Sequence[Row]) -> str | None:
    """Return a line with each task's baseline scores (ranges, if there are several) and how many rows beat them."""
    by_task: dict[str | None, list[Row]] = {}
    for row in rows:
        by_task.setdefault(row.get("task"), []).append(row)
    texts = {task: text for task, members in by_task.items() if (text := _baseline(members))}
    if len(by_task) > 1:
        texts = {task: f"{task} {text}" for task, text in texts.items()}
    return f"baseline: {'; '.join(texts.values())}" if texts else None


def _baseline(rows: Sequence[Row]) -> str:
    """Return the scores of the baselines of `rows`, all of one task, and how many rows beat them; "" if unknown."""
    parts = []
    for name in compared(rows):
        values = sorted({row[f"base_{name}"] for row in rows if row.get(f"base_{name}") is not None})
        if not values:
            continue
        both = [row for row in rows if row.get(name) is not None and row.get(f"base_{name}") is not None]
        digits = decimals(name, values)
        span = " to ".join(plain_text(value, digits) for value in dict.fromkeys((values[0], values[-1])))
        parts.append(f"{name} {span} (beaten by {sum(beats(row, name) for row in both)} of {len(both)} rows)")
    return ", ".join(parts)


def paper_line(rows: Sequence[Row]) -> str | None:
    """Return a line that explains the column `paper`, if there is one."""
    known = next((row for row in rows if row.get("paper") is not None), None)
    if known is None:
        return None
    notes = dict.fromkeys(row["paper_note"] for row in rows if row.get("paper_note"))
    line = f"paper: the published {TASKS[known['task']].metric} of GPT-2 small on the paper's data, one seed"
    return "; ".join([line, *notes])


def long_text_lines(folder: RunFolder) -> list[str]:
    """Return a line for each data set whose long texts were cut."""
    return [f"cut: {long}" for long in folder.spec.long_texts]


def footnotes(folder: RunFolder, rows: Sequence[Row]) -> list[str]:
    """Return the lines below a table."""
    return [line for line in (baseline_line(rows), paper_line(rows), *long_text_lines(folder)) if line is not None]


def beats(row: Row, name: str) -> bool:
    """Return whether a row's value is better than the baseline's: larger for a metric, smaller for a loss."""
    gain = row[name] - row[f"base_{name}"]
    return bool(gain > 0 if larger_is_better(name) else gain < 0)


def markdown(names: Sequence[str], rows: Sequence[Row]) -> str:
    """Return a Markdown table of the columns `names`."""
    return markdown_table(names, formatted(names, rows))


def formatted(names: Sequence[str], rows: Sequence[Row]) -> list[list[str]]:
    """Return the cells of the columns `names` as texts, row by row, in one format for each column."""
    formats = [cell_format(name, [row.get(name) for row in rows]) for name in names]
    return [[write(row.get(name)) for name, write in zip(names, formats, strict=True)] for row in rows]


def markdown_table(names: Sequence[str], records: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table of texts."""
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(cell.replace("|", r"\|") for cell in record) + " |" for record in records]
    return "\n".join(lines)


def json_text(names: Sequence[str] | None, rows: Sequence[Row]) -> str:
    """Return the columns `names` (None: all) as JSON. A loss that is not a finite number is null."""
    return records_json(names or all_columns(rows), rows)


def records_json(names: Sequence[str], records: Sequence[Mapping[str, Any]]) -> str:
    """Return the keys `names` of records as JSON."""
    return json.dumps(
        [{name: json_ready(one.get(name)) for name in names} for one in records], indent=1, allow_nan=False
    )


def csv_text(names: Sequence[str] | None, rows: Sequence[Row]) -> str:
    """Return the columns `names` (None: all) as CSV."""
    return records_csv(names or all_columns(rows), rows)


def records_csv(names: Sequence[str], records: Sequence[Mapping[str, Any]]) -> str:
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_safe(json_ready(one.get(name))) for name in names] for one in records)
    return sink.getvalue().rstrip("\n")


def rung_text(rungs: Sequence[Rung], form: str) -> str:
    """Return the rungs in `form`: json, csv, latex, or a Markdown table with an explanation of its columns."""
    records = [asdict(rung) for rung in rungs]
    if not records:
        return "no rungs: the trials of this run are too short for one"
    if form == "json":
        return json.dumps(records, indent=1, allow_nan=False)
    names = list(records[0])
    if form == "csv":
        return records_csv(names, records)
    cells = [[plain_text(record[name], 3) for name in names] for record in records]
    if form == "latex":
        return tabular(names, cells)
    note = (
        "agreement: Kendall's tau between the dev loss at the rung and at the end, with its 95 % interval. kept: share "
        "of the best trials at the end that the rung keeps. winner: whether the rung keeps the best one. regret: what "
        "the best one at the rung loses to the best one at the end. They count the `known` trials: those that reached "
        "the rung and ran to the end."
    )
    return f"{markdown_table(names, cells)}\n\n{note}"


def json_ready(value: Any) -> Any:
    """Return `value` in a form that JSON can hold: times as text, null for a number that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): json_ready(one) for key, one in value.items()}
    return [json_ready(one) for one in value] if isinstance(value, list | tuple) else value


def _safe(value: Any) -> Any:
    """Return `value`, with a leading apostrophe if it is text that a spreadsheet would run as a formula.

    Source: OWASP, CSV injection.
    """
    is_risky = isinstance(value, str) and (value[:1] in ("\t", "\r") or value.lstrip()[:1] in ("=", "+", "-", "@"))
    return f"'{value}" if is_risky else value
