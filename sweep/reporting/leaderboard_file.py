"""A leaderboard.parquet without its run: its best rows, read without the others, however many there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from model.task_specs import TASKS
from sweep.errors import RunError
from sweep.planning.flat import decode_keys, train_keys
from sweep.reporting.leaderboard import Row, larger_is_better
from sweep.store.status import Status

TOP = 20  # rows, unless the user wants more
SCORES = ("dev_loss", "train_seconds")


@dataclass(frozen=True, kw_only=True)
class LeaderboardFile:
    """The best rows of a file."""

    rows: Sequence[Row]
    columns: Sequence[str]  # those to show: rank, status, varying settings, scores
    total: int  # rows of the file


def read_leaderboard(
    path: Path, *, top: int | None = None, sort: str | None = None, columns: Sequence[str] | None = None
) -> LeaderboardFile:
    """Return the first `top` rows of a leaderboard, as ranked or by the column `sort`: scores from the best.

    Which settings vary is known from the statistics of the file. Raise RunError if it is no leaderboard of this tool,
    or lacks a column.
    """
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            for name in [*(columns or ()), *([sort] if sort else [])]:
                if name not in names:
                    raise RunError(f"{path}: no column {name!r}. Known: {', '.join(names)}")
            if not {"rank", "status", "metric", "config_json"} <= set(names):
                raise RunError(f"{path}: not a leaderboard of this tool: it lacks rank, status, metric or config_json")
            metrics = _unique(file, "metric")
            shown = list(columns or _columns(file, metrics))
            needed = list(dict.fromkeys(["status", *shown]))
            found = (
                _first(file, needed, top or TOP)
                if sort is None
                else _sorted(file, needed, top or TOP, sort, falls=_is_score(file, sort) and larger_is_better(sort))
            )
            rows = [{**row, "status": Status(row["status"])} for row in found.to_pylist()]
            return LeaderboardFile(rows=rows, columns=shown, total=file.metadata.num_rows)
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{path}: cannot be read as Parquet: {error}") from error


def _unique(file: pq.ParquetFile, name: str) -> list[Any]:
    found: list[Any] = pc.unique(file.read([name]).column(0)).to_pylist()
    return found


def _is_score(file: pq.ParquetFile, name: str) -> bool:
    """Return whether a column is a metric of a task in the file."""
    tasks = _unique(file, "task") if "task" in file.schema_arrow.names else []
    return any(name in TASKS[task].metrics for task in tasks if task in TASKS)


def _first(file: pq.ParquetFile, columns: Sequence[str], count: int) -> pa.Table:
    """Return the first rows: the file lists them as ranked."""
    batches = []
    for batch in file.iter_batches(batch_size=count, columns=columns):
        batches.append(batch)
        if sum(one.num_rows for one in batches) >= count:
            break
    return pa.Table.from_batches(batches).slice(0, count) if batches else file.read(columns)


def _sorted(file: pq.ParquetFile, columns: Sequence[str], count: int, by: str, *, falls: bool) -> pa.Table:
    """Return the first rows by one column, missing values last."""
    order = pc.sort_indices(file.read([by]), sort_keys=[(by, "descending" if falls else "ascending", "at_end")])
    return file.read(list(columns)).take(order[:count])


def _columns(file: pq.ParquetFile, metrics: Sequence[str]) -> list[str]:
    settings = {**train_keys(), **decode_keys()}
    names = file.schema_arrow.names
    varying = [name for name in names if name in settings and not _is_constant(file, name)]
    scores = [name for name in dict.fromkeys([*metrics, *SCORES]) if name in names]
    return ["rank", "status", *varying, *scores]


def _is_constant(file: pq.ParquetFile, name: str) -> bool:
    """Return whether the statistics of the file show that a column has one value."""
    place = file.schema_arrow.names.index(name)
    seen: set[Any] = set()
    for group in range(file.metadata.num_row_groups):
        chunk = file.metadata.row_group(group).column(place)
        known = chunk.statistics
        if known is None:
            return False
        if known.null_count:
            seen.add(None)
        if known.null_count != chunk.num_values:
            if not known.has_min_max:
                return False
            seen |= {known.min, known.max}
    return len(seen) <= 1
