"""Tables of labelled texts, one example per row, as tab-separated text, JSON lines or Parquet.

The course's .csv files are tab-separated. Quotation marks in such text are ordinary unless they enclose a whole field,
as CSV writers quote; then they are removed, and doubled marks inside become single. Columns are found by name.
"""

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.errors import DataError

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Columns:
    """The columns of the texts and the label, each with its possible names in order of preference."""

    texts: tuple[tuple[str, ...], ...]
    label: tuple[str, ...]


@dataclass(frozen=True)
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


def _rows(path: Path) -> Iterator[tuple[str, Row]]:
    """Yield the place and content of every row. Raise DataError."""
    try:
        yield from READERS.get(path.suffix.lower(), _tab_separated)(path)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; put a good copy there") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except (csv.Error, ValueError) as error:
        raise DataError(f"{path} is damaged: {error}; put a good copy there") from error


def _tab_separated(path: Path) -> Iterator[tuple[str, Row]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(_equal_ends(file), delimiter="\t", quoting=csv.QUOTE_NONE)
        header = [_unquoted(name) for name in next(lines, [])]
        if twice := [name for name in header if name and header.count(name) > 1]:
            raise ValueError(f"its first line, which must name the columns, names {twice[0]!r} twice")
        was_open = False  # whether the previous line has an unclosed quoted field
        for fields in lines:
            if fields:  # skip blank lines
                _check_width(fields, len(header), lines.line_num, was_open)
                was_open = any(field.startswith('"') and _unquoted(field) == field for field in fields)
                row = dict(zip(header, map(_unquoted, fields), strict=False))
                yield f"line {lines.line_num}", {**dict.fromkeys(header), **row}


def _equal_ends(lines: Iterable[str]) -> Iterator[str]:
    """Yield `lines`. Raise ValueError if line endings are mixed, because one then lies inside a text."""
    first = None
    for number, line in enumerate(lines, start=1):
        end = line[-1:] if line.endswith(("\r", "\n")) else first
        first = first or end
        if end != first:
            raise ValueError(f"line {number} has a different line ending: a text contains a line break; replace it")
        yield line


def _unquoted(field: str) -> str:
    """Return a field without enclosing quotation marks."""
    inner = field[1:-1]
    is_quoted = len(field) > 1 and field[0] == field[-1] == '"' and '"' not in inner.replace('""', "")
    return inner.replace('""', '"') if is_quoted else field


def _check_width(fields: list[str], width: int, line: int, was_open: bool) -> None:
    """Raise ValueError if a text seems to contain a tab or a line break, which makes the fields ambiguous."""
    if len(fields) > width:
        raise ValueError(f"line {line} has {len(fields)} fields, the header {width}: a text contains a tab; replace it")
    last = fields[-1]
    if len(fields) < width and (was_open or (last.startswith('"') and _unquoted(last) == last)):
        raise ValueError(f"line {line} is short and has an unclosed quote: a text contains a line break; replace it")


def _json_lines(path: Path) -> Iterator[tuple[str, Row]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ValueError(f"line {number} is not JSON ({error})") from error
            if not isinstance(row, dict):
                raise ValueError(f"line {number} is not a JSON object")
            yield f"line {number}", row


def _parquet(path: Path) -> Iterator[tuple[str, Row]]:
    import pyarrow.parquet  # only data sets from the hub need it

    with pyarrow.parquet.ParquetFile(path) as file:
        rows = (row for batch in file.iter_batches(batch_size=1000) for row in batch.to_pylist())
        yield from ((f"row {number}", row) for number, row in enumerate(rows, start=1))


READERS = {".csv": _tab_separated, ".tsv": _tab_separated, ".jsonl": _json_lines, ".parquet": _parquet}


def _column(path: Path, row: Row, names: tuple[str, ...]) -> str:
    if found := [name for name in names if name in row]:
        return found[0]
    is_text = READERS.get(path.suffix.lower(), _tab_separated) is _tab_separated
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
