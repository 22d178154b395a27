"""Write predictions to a file, one at a time: CSV, JSON Lines, Parquet, or a text format."""

import csv
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from sweep.errors import UsageError

AT_ONCE = 1024  # rows of a Parquet file written together
ID = "id"


@dataclass(frozen=True)
class Prediction:
    """What the model predicts for a row."""

    id: Any  # of the row, or its place
    texts: Mapping[str, str]  # by name
    found: Mapping[str, Any]  # predicted and probability, or generated

    def columns(self) -> dict[str, Any]:
        """Return the columns of its row in a table."""
        return {ID: self.id, **self.texts, **self.found}


@dataclass(frozen=True)
class TextFormat:
    """A text format: what the file begins with, and what is written for a prediction."""

    header: str
    entry: Callable[[Prediction], str]


@contextmanager
def replaced(target: Path) -> Iterator[Path]:
    """Yield a new file beside `target` that becomes `target` at the end; an error leaves `target` as it was."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        made = Path(folder) / target.name
        yield made
        made.replace(target)


@contextmanager
def writer(target: Path, form: TextFormat | None) -> Iterator[Callable[[Prediction], None]]:
    """Yield a function that writes a prediction to `target`, in the text format `form` or that of the file's ending.

    Raise UsageError if there is neither.
    """
    ending = target.suffix.lower()
    if ending == ".parquet" and form is None:
        with _parquet_writer(target) as write:
            yield write
        return
    if form is None and ending not in (".csv", ".jsonl"):
        raise UsageError(f"-o: {target.name} must end in .csv, .jsonl or .parquet")
    with target.open("w", encoding="utf-8", newline="") as file:
        if form is not None:
            file.write(form.header)
            yield lambda one: _write(file, form.entry(one))
        elif ending == ".jsonl":
            yield lambda one: _write(file, json.dumps(one.columns(), ensure_ascii=False) + "\n")
        else:
            yield _csv_writer(file)


def _write(file: TextIO, text: str) -> None:
    file.write(text)


def _csv_writer(file: TextIO) -> Callable[[Prediction], None]:
    rows = csv.writer(file, lineterminator="\n")
    is_first = True

    def write(one: Prediction) -> None:
        nonlocal is_first
        if is_first:
            rows.writerow(one.columns())
            is_first = False
        rows.writerow(one.columns().values())

    return write


@contextmanager
def _parquet_writer(target: Path) -> Iterator[Callable[[Prediction], None]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    waiting: list[dict[str, Any]] = []
    writer: Any = None

    def flush() -> None:
        nonlocal writer
        if waiting:
            table = pa.Table.from_pylist(waiting)
            writer = writer or pq.ParquetWriter(target, table.schema)
            writer.write_table(table)
            waiting.clear()

    def write(one: Prediction) -> None:
        waiting.append({**one.columns(), ID: str(one.id)})
        if len(waiting) >= AT_ONCE:
            flush()

    try:
        yield write
        flush()
    finally:
        if writer is not None:
            writer.close()
