"""Tables of a page: rows of cells, each with its text and, where the text is rounded, its exact value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweep.reporting.columns import table_columns
from sweep.reporting.numbers import cell_format, decimals, plain_text
from sweep.reporting.verdicts.records import columns, records
from sweep.reporting.verdicts.study import Study

MOST_ROWS = 1_000  # of a table; a browser gets slow with more
TEXTS = ("status", "variant", "stop_reason", "note", "cached_from", "metric", "failure")
ALWAYS_HIDDEN = ("setting_id", "metric")


@dataclass(frozen=True)
class Cell:
    """One cell."""

    text: str
    value: str | None = None  # the exact number, if the text is rounded


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table."""

    name: str
    is_number: bool
    is_shown: bool  # at first; readers choose


@dataclass(frozen=True, kw_only=True)
class PageTable:
    """A table that readers sort, filter and copy."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[tuple[str, Sequence[Cell]]]  # the configuration's id, and the cells
    total: int  # rows that there are

    @property
    def left_out(self) -> int:
        """Return how many rows are not on the page."""
        return self.total - len(self.rows)


def configurations(study: Study) -> PageTable:
    """Return the table of configurations, with every figure of `sweep report --format json`."""
    found = records(study)
    shown = _shown(study, found)
    names = list(dict.fromkeys([*shown, *columns(found)]))
    return _table("configurations", "Configurations", names, shown, found, [one["setting_id"] for one in found])


def every_row(study: Study) -> PageTable:
    """Return the table of rows, one for each configuration and seed, with the columns that people compare."""
    ids = {row["point_id"]: group.setting_id for group in study.groups for row in group.rows}
    names = table_columns(study.rows)
    names = [*names[:2], "seed", *(name for name in names[2:] if name != "seed"), "point_id"]
    return _table("rows", "Every row", names, names, study.rows, [ids[row["point_id"]] for row in study.rows])


def _shown(study: Study, found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the columns of configurations that are shown at first."""
    metrics = dict.fromkeys(name for one in found for name in (one["metric"], "dev_loss"))
    given, paper = ([name] if any(one.get(name) is not None for one in found) else [] for name in ("variant", "paper"))
    problems = [name for name in ("lost", "unfinished") if any(one[name] for one in found)]
    return ["rank", "tied", *given, *study.varying, "n", *problems, *metrics, *paper]


def _table(
    name: str,
    title: str,
    names: Sequence[str],
    shown: Sequence[str],
    entries: Sequence[Mapping[str, Any]],
    ids: Sequence[str],
) -> PageTable:
    kept = entries[:MOST_ROWS]
    names = [one for one in names if one in shown or any(entry.get(one) is not None for entry in kept)]
    cells = [_score_cells(one, kept) or _cells(one, [entry.get(one) for entry in kept]) for one in names]
    return PageTable(
        name=name,
        title=title,
        columns=[
            Column(name=one, is_number=_is_numeric(entries, one), is_shown=one in shown and one not in ALWAYS_HIDDEN)
            for one in names
        ],
        rows=list(zip(ids, zip(*cells, strict=True), strict=False)),
        total=len(entries),
    )


def _is_numeric(entries: Sequence[Mapping[str, Any]], name: str) -> bool:
    found = [entry[name] for entry in entries if entry.get(name) is not None]
    return name not in TEXTS and all(isinstance(one, int | float) and not isinstance(one, bool) for one in found)


def _score_cells(name: str, kept: Sequence[Mapping[str, Any]]) -> list[Cell] | None:
    """Return means with their intervals; None for a column without intervals."""
    if not any(entry.get(f"{name}_low") is not None for entry in kept):
        return None
    digits = decimals(name, [entry.get(name) for entry in kept])
    keys = name, f"{name}_low", f"{name}_high"
    return [_with_interval(*(entry.get(key) for key in keys), digits=digits) for entry in kept]


def _with_interval(mean: float | None, low: float | None, high: float | None, *, digits: int) -> Cell:
    text = plain_text(mean, digits)
    if mean is None or low is None or high is None:
        return _cell(mean, text)
    return Cell(f"{text} [{plain_text(low, digits)}, {plain_text(high, digits)}]", repr(mean))


def _cells(name: str, found: Sequence[Any]) -> list[Cell]:
    if name == "tied":
        return [Cell("=" if one else "", None if one is None else str(one).lower()) for one in found]
    base = name.removesuffix("_low").removesuffix("_high").removesuffix("_sd")
    digits = decimals(base, found)
    write = cell_format(name, found) if base == name else lambda value: plain_text(value, digits)
    return [_cell(one, write(one)) for one in found]


def _cell(value: Any, text: str) -> Cell:
    is_rounded = isinstance(value, float) and text != repr(value)
    return Cell(text, repr(value) if is_rounded else None)
