"""Scores with their settings and seeds, from runs of this tool or from any table."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.data_settings import DataSettings
from model.settings import keys_of
from sweep.errors import RunError
from sweep.reporting.leaderboard import Row, larger_is_better, metrics_of, scores_on_test
from sweep.reporting.verdicts.groups import LOST
from sweep.store.status import Status

if TYPE_CHECKING:
    import pandas as pd

SEED_COLUMNS = ("seed", "config.seed", "params.seed", "random_seed", "random_state")
TABLES = {".csv": "read_csv", ".tsv": "read_table", ".parquet": "read_parquet"}
OWN_DATA = {key: key for key in keys_of(DataSettings)}
MUST_AGREE = {"task": "task", "base_sha256": "base", "data": "data", **OWN_DATA, "epochs_budget": "epochs"}


@dataclass(frozen=True)
class Scored:
    """One score."""

    labels: Mapping[str, Any]  # settings by dotted key, without the seed; `variant` and `run` where there are several
    seed: int
    score: float  # NaN if the trial diverged or failed
    point_id: str | None = None  # None for a table of another tool


@dataclass(frozen=True, kw_only=True)
class ScoreTable:
    """Scores that may be compared with each other."""

    metric: str
    scored: tuple[Scored, ...]
    larger_is_better: bool

    def varying(self) -> list[str]:
        """Return the labels in which the scores differ."""
        keys = dict.fromkeys(key for one in self.scored for key in one.labels)
        return [key for key in keys if len({str(one.labels.get(key)) for one in self.scored}) > 1]


def from_rows(rows: Sequence[Row], metric: str | None) -> ScoreTable:
    """Return the scores of leaderboard rows, by `metric` (None: the one that they are ranked by).

    Raise RunError if the rows of several runs cannot be compared, or the metric is unknown.
    """
    if not rows:
        raise RunError("there are no rows to compare")
    chosen = metric or rows[0]["metric"]
    known = (*metrics_of(rows[0]), *scores_on_test(rows), "dev_loss", "best_dev_loss", "train_loss")
    if chosen not in known:
        raise RunError(f"--metric {chosen}: unknown. Known: {', '.join(known)}")
    if len({row["run"] for row in rows}) > 1:
        _check_comparable(rows)
    several = len({row["run"] for row in rows}) > 1
    return ScoreTable(
        metric=chosen,
        scored=tuple(_scored(row, chosen, several) for row in rows if _is_final(row)),
        larger_is_better=larger_is_better(chosen),
    )


def from_file(path: Path, metric: str | None, seed: str | None = None) -> ScoreTable:
    """Return the scores of a CSV, TSV or Parquet table: a leaderboard of this tool, or settings, seed and metric.

    A column counts as a setting if it has at most half as many values as there are rows; others are measurements or
    names of rows. Raise RunError if the file cannot be read, or the seed or the metric is not found.
    """
    frame = _read(path)
    if {"config_json", "point_id"} <= set(frame.columns):
        rows = [{key: None if _is_missing(value) else value for key, value in row.items()} for row in _rows(frame)]
        return from_rows([{**row, "status": Status(str(row["status"]))} for row in rows], metric)
    columns = [str(name) for name in frame.columns]
    seed_column = seed or next((name for name in SEED_COLUMNS if name in columns), None)
    if seed_column not in columns:
        raise RunError(
            f"{path}: no column {seed_column or 'seed'!r}; name it with --seed-column. Columns: {_list(columns)}"
        )
    if metric is None or metric not in columns:
        raise RunError(f"{path}: name the column to compare with --metric. Columns: {_list(columns)}")
    settings = [
        name
        for name in columns
        if name not in (metric, seed_column) and frame[name].nunique(dropna=False) <= len(frame) / 2
    ]
    scored = [
        Scored({name: row[name] for name in settings}, int(row[seed_column]), float(row[metric]))
        for row in _rows(frame)
    ]
    smaller = any(word in metric.lower() for word in ("loss", "error", "perplexity", "ppl"))
    return ScoreTable(metric=metric, scored=tuple(scored), larger_is_better=not smaller)


def _check_comparable(rows: Sequence[Row]) -> None:
    for key, name in MUST_AGREE.items():
        by_run = {row["run"]: {str(one.get(key)) for one in rows if one["run"] == row["run"]} for row in rows}
        if len(set(map(frozenset, by_run.values()))) > 1:
            found = "; ".join(f"{run}: {', '.join(sorted(values))}" for run, values in by_run.items())
            raise RunError(f"the runs differ in {name} ({found}), so their scores cannot be compared")


def _scored(row: Row, metric: str, several: bool) -> Scored:
    labels = {key: value for key, value in json.loads(row["config_json"]).items() if key != "seed"}
    if row.get("variant"):
        labels = {"variant": row["variant"], **labels}
    if several:
        labels["run"] = row["run"]
    value = row.get(metric)
    score = math.nan if row["status"] in LOST or value is None else float(value)
    return Scored(labels, row["seed"], score if math.isfinite(score) else math.nan, row["point_id"])


def _is_final(row: Row) -> bool:
    return bool(row["status"].is_complete) or row["status"] in LOST


def _read(path: Path) -> "pd.DataFrame":
    import pandas as pd

    if path.suffix not in TABLES:
        raise RunError(f"{path}: unknown kind of table. Known: {', '.join(TABLES)}")
    try:
        frame: pd.DataFrame = getattr(pd, TABLES[path.suffix])(path)
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read as a table: {error}") from error
    if frame.empty:
        raise RunError(f"{path}: the table has no rows")
    return frame


def _rows(frame: "pd.DataFrame") -> Iterable[dict[str, Any]]:
    return ({str(key): value for key, value in row.items()} for row in frame.to_dict("records"))


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)
