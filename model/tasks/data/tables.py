"""Tables of labelled texts, one example per row, as tab-separated text, JSON lines or Parquet.

The course's .csv files are tab-separated. Quotation marks in such text are ordinary unless they enclose a whole field,
as CSV writers quote; then they are removed, and doubled marks inside become single. Columns are found by name.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.errors import DataError
from model.tasks.data.formats import Row, Rows, explained, json_lines, opened, parquet, tab_separated


@dataclass(frozen=True)
class Columns:
    """The columns of the texts and the label, each with its possible names in order of preference."""

    texts: tuple[tuple[str, ...], ...]
    label: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Example:
    texts: tuple[str, ...]
    label: int


def read_examples(path: Path, columns: Columns, classes: int | None = None) -> Iterator[Example | None]:
    """Yield the rows of a table in order, or None for a row without a label or without a text.

    `classes` is the number of classes, if known. A table without a label column has no labels.
    Raise DataError, with the file and how to fix it.
    """
    texts, label = None, None
    for place, row in _rows(path):
        if texts is None:
            texts = [_column(path, row, names) for names in columns.texts]
            label = next((name for name in columns.label if name in row), None)
        values = [row.get(name) for name in texts]
        target = None if label is None else _label(path, place, row.get(label), classes)
        usable = target is not None and all(isinstance(value, str) and value.strip() for value in values)
        yield Example(tuple(values), target) if usable else None  # type: ignore[arg-type]


def _rows(path: Path) -> Rows:
    """Yield the place and content of every row. Raise DataError."""
    with explained(path):
        yield from READERS.get(path.suffix.lower(), _tabs)(path)


def _tabs(path: Path) -> Rows:
    with opened(path) as file:
        yield from tab_separated(file)


READERS = {".jsonl": json_lines, ".parquet": parquet}


def _column(path: Path, row: Row, names: tuple[str, ...]) -> str:
    if found := [name for name in names if name in row]:
        return found[0]
    is_text = path.suffix.lower() not in READERS
    raise DataError(
        f"{path} has no column {names[0]} (it has {', '.join(repr(name) for name in row)}); "
        f"{'its first line must name the columns, separated by tabs' if is_text else 'name its columns so'}"
    )


def _label(path: Path, place: str, value: Any, classes: int | None) -> int | None:
    """Return the class of a label, or None if it is missing: empty, NaN, or the -1 of the hub's test splits."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        label = float(value)
    except (TypeError, ValueError):
        label = math.inf
    if label == -1 or math.isnan(label):
        return None
    if label < 0 or not label.is_integer() or (classes is not None and label >= classes):
        wanted = "a whole number from 0" if classes is None else " or ".join(map(str, range(classes)))
        raise DataError(
            f"{path}: the label of {place} is {value!r}, which is not {wanted}; "
            "fix the label, or leave it empty to skip the row"
        )
    return int(label)
