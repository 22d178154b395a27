"""The leaderboard: one row per point, derived from the ledger, stored as Parquet with an explicit schema.

Rows are ranked only against rows with the same task, data, base and epochs, and only if they ran all their epochs. All
other rows follow with their status and reason; no row is hidden.
"""

import json
import types
import typing
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from model.data_settings import DataSettings
from model.settings import Scalar, alternatives, keys_of
from model.task_specs import TASKS
from model.tasks.draws import SD_SUFFIX
from sweep.planning.flat import decode_keys, train_keys
from sweep.planning.importing import is_extension
from sweep.planning.plan import Point
from sweep.planning.ranking import ranking_metric
from sweep.store.events import PointResult
from sweep.store.run_folder import RunFolder, write_file
from sweep.store.state import RunState, TrialState, find_result, full_plan, load_state, scored_epoch
from sweep.store.status import Status

Row = dict[str, Any]

METRICS = tuple(
    dict.fromkeys(metric for name, task in TASKS.items() if not is_extension(name) for metric in task.metrics)
)
SMALLER = ("perplexity", "bits_per_byte")  # metrics whose smaller values are better
LOSSES = ("train_loss", "dev_loss", "best_dev_loss")  # nats per token
UTC_TIME = pa.timestamp("us", tz="UTC")
ARROW = {int: pa.int64(), float: pa.float64(), str: pa.string(), bool: pa.bool_()}

# The columns that may differ between two equal runs: names, times, memory and attempts.
TIMING_COLUMNS = frozenset(
    {
        "run",
        "attempt",
        "train_seconds",
        "decode_seconds",
        "tokens_per_second",
        "peak_memory_bytes",
        "started_at",
        "ended_at",
    }
)


def compared(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the columns that are also measured for the baseline, as base_<name>."""
    return tuple(dict.fromkeys(("dev_loss", *METRICS, *(metric for row in rows for metric in metrics_of(row)))))


def metrics_of(row: Row) -> tuple[str, ...]:
    """Return the metrics of the task of `row`; larger is better for all of them."""
    return TASKS[row["task"]].metrics if "task" in row else METRICS


def scores_on_test(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the metrics on the test split, which only the rows of a confirmation have."""
    names = dict.fromkeys(name for row in rows for name in row)
    return tuple(name for name in names if name.startswith("test_") and not name.endswith(SD_SUFFIX))


def draw_sds(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the columns with the sd of a metric over draws, which only rows with decode.repeats have."""
    return tuple(name for name in dict.fromkeys(name for row in rows for name in row) if name.endswith(SD_SUFFIX))


def larger_is_better(name: str) -> bool:
    """Return whether larger values of a score are better: true but for losses and what grows with them."""
    return not name.endswith("_loss") and name.removeprefix("test_") not in SMALLER


def schema(rows: Sequence[Row] = ()) -> pa.Schema:
    """Return the names and types of the columns of `rows`, in order. Extensions add their settings and metrics."""
    builtin = {**train_keys(extensions=False), **decode_keys()}
    keys = {**builtin, **{key: kind for key, kind in train_keys().items() if any(key in row for row in rows)}}
    metrics = (*compared(rows)[1:], *scores_on_test(rows))
    columns: dict[str, pa.DataType] = {
        "run": pa.string(),
        "point_id": pa.string(),
        "trial_id": pa.string(),
        "status": pa.string(),
        "stop_reason": pa.string(),
        "note": pa.string(),  # a remark on the result: that an epoch updated no weight
        "failure": pa.string(),  # why a row FAILED: error, out of memory, worker lost, timeout
        "rank": pa.int64(),  # among rows with the same task, data, base and epochs
        **({"variant": pa.string()} if any(row.get("variant") for row in rows) else {}),  # its name in the space
        **{key: _arrow(kind) for key, kind in keys.items() if key != "epochs"},
        "epoch": pa.int64(),  # whose weights were scored
        "epochs_budget": pa.int64(),  # the point's number of epochs
        "rung": pa.int64(),  # the epoch at which a scheduler stopped the trial
        "metric": pa.string(),  # the metric that rows are ranked by
        **{name: pa.float64() for name in (*metrics, *draw_sds(rows), *LOSSES)},
        "best_epoch": pa.int64(),  # the epoch of best_dev_loss
        **{f"base_{name}": pa.float64() for name in ("dev_loss", *metrics)},
        "trainable_params": pa.int64(),
        "total_params": pa.int64(),
        "trainable_share": pa.float64(),  # trainable_params / total_params
        "train_seconds": pa.float64(),
        "decode_seconds": pa.float64(),
        "train_tokens": pa.int64(),
        "tokens_per_second": pa.float64(),
        "peak_memory_bytes": pa.int64(),
        "optimizer_state_bytes": pa.int64(),
        "precond_fallbacks": pa.int64(),  # how often SOAP kept a basis that it could not refresh
        "device": pa.string(),
        "threads": pa.int64(),
        "attempt": pa.int64(),
        "cached_from": pa.string(),  # the run that computed a CACHED row
        "started_at": UTC_TIME,
        "ended_at": UTC_TIME,
        "base_sha256": pa.string(),
        "config_json": pa.string(),  # the canonical settings
    }
    return pa.schema(list(columns.items()))


def load_rows(folder: RunFolder) -> list[Row]:
    """Return the rows of a run, computed from its ledger. Raise RunError or LedgerError if it cannot be read."""
    return rows(folder, load_state(folder))


def rows(folder: RunFolder, state: RunState, metric: str | None = None) -> list[Row]:
    """Return one row per point of the plan: ranked rows first, group by group, the best of each group first.

    `metric` ranks them; None: the metric of the run. Raise SpaceError if it is unknown.
    """
    points = full_plan(folder.spec, state).points
    chosen = ranking_metric(metric, [point.train.task for point in points]) if metric and points else folder.spec.metric
    unranked = [point_row(folder, state, point, chosen) for point in points]
    return _ranked(unranked)


def write_leaderboard(folder: RunFolder, state: RunState, ranked: list[Row]) -> None:
    """Write the rows `ranked` to `leaderboard.parquet`, and `samples.parquet`; each file completely or not at all."""
    write_parquet(folder.leaderboard, pa.Table.from_pylist(ranked, schema=schema(ranked)))
    write_parquet(folder.samples, samples_table(folder, state))


def samples_table(folder: RunFolder, state: RunState) -> pa.Table:
    """Return the generated texts and per-example scores of every scored point, in the columns of its task."""
    records = [
        {"point_id": point.point_id, **sample}
        for point in full_plan(folder.spec, state).points
        for sample in samples_of(state, point)
    ]
    if not records:
        return pa.table({"point_id": pa.array([], pa.string())})
    names = dict.fromkeys(name for record in records for name in record)  # tasks have different columns
    return pa.Table.from_pydict({name: [record.get(name) for record in records] for name in names})


def write_parquet(path: Path, table: pa.Table) -> None:
    """Replace `path` by `table`; a reader sees either the old file or the new one."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    write_file(path, sink.getvalue().to_pybytes())


def point_row(folder: RunFolder, state: RunState, point: Point, metric: str | None = None) -> Row:
    """Return the row of a point, without a rank. `metric` is what ranks it; None: the main metric of its task."""
    spec = folder.spec
    row: Row = {
        "run": folder.name,
        "point_id": point.point_id,
        "trial_id": point.trial_id,
        **({"variant": point.variant} if point.variant else {}),
        **{key: value for key, value in point.columns.items() if key != "epochs"},
        "epochs_budget": point.epochs,
        "metric": metric or TASKS[point.train.task].metric,
        "base_sha256": spec.provenance.base(point).sha256,
        "config_json": json.dumps(point.settings, sort_keys=True),
        **_baseline(state, point),
    }
    result = find_result(state, point)
    if result is not None:
        status = Status.CACHED if result.from_run else Status.COMPLETED
        return {**row, **_measured(result), "status": status}
    return {**row, **_unfinished(state, point, state.trial(point.trial_id))}


def _measured(result: PointResult) -> Row:
    """Return the measured columns of a scored point."""
    losses, cost = result.losses, result.cost
    return {
        **result.metrics,
        **{name: getattr(losses, name) for name in (*LOSSES, "best_epoch", "train_seconds", "train_tokens")},
        **vars(cost),
        "epoch": result.epoch,
        "trainable_share": cost.trainable_params / cost.total_params,
        "tokens_per_second": losses.train_tokens / losses.train_seconds if losses.train_seconds else None,
        "decode_seconds": result.decode_seconds,
        "attempt": result.attempt,
        "cached_from": result.from_run,
        "started_at": _time(result.started_at),
        "ended_at": _time(result.ended_at),
    }


def _unfinished(state: RunState, point: Point, trial: TrialState) -> Row:
    """Return the columns of a point that did not run all its epochs: how far it got, and why it stopped."""
    row: Row = {
        "status": trial.status,
        "stop_reason": trial.reason,
        "failure": trial.failure,
        "rung": trial.rung,
        "attempt": trial.attempt or None,
        "started_at": _time(trial.started_at),
        "ended_at": _time(trial.ended_at),
    }
    if trial.known_epoch:
        measured = _measured(_partial_result(state, point, trial))
        row = {**measured, **{name: value for name, value in row.items() if value is not None}}
    if trial.loss is not None:
        row["train_loss"] = float(trial.loss)
    return row


def _partial_result(state: RunState, point: Point, trial: TrialState) -> PointResult:
    """Return what is known of an unfinished point at the last known epoch of its trial."""
    known = trial.epochs[trial.known_epoch]
    metrics = {} if known.metric is None else {TASKS[point.train.task].metric: known.metric}
    scored = state.scores.get(point.point_id)
    epoch, losses = scored_epoch(trial, point, trial.known_epoch) if scored else (trial.known_epoch, known.losses)
    return PointResult(
        metrics=scored.score.metrics if scored else metrics,
        decode_seconds=scored.score.decode_seconds if scored else None,
        epoch=epoch,
        losses=losses,
        cost=known.cost,
        attempt=trial.attempt,
    )


def _baseline(state: RunState, point: Point) -> Row:
    """Return the columns with the scores of the point's baseline; empty if they are unknown."""
    result = find_result(state, point.baseline)
    if result is None:
        return {}
    measured = {**vars(result.losses), **result.metrics}
    return {f"base_{name}": measured[name] for name in ("dev_loss", *result.metrics) if not name.endswith(SD_SUFFIX)}


def samples_of(state: RunState, point: Point) -> Sequence[Mapping[str, Scalar]]:
    """Return the generated texts or predictions of a point; empty if it is not scored."""
    if (cached := state.cached.get(point.point_id)) is not None:
        return cached.record.samples
    scored = state.scores.get(point.point_id)
    return scored.score.samples if scored else ()


def _ranked(unranked: list[Row]) -> list[Row]:
    ordered = sorted(unranked, key=_order)
    for _, group in groupby((row for row in ordered if row["status"].is_complete), key=ranking_group):
        for rank, row in enumerate(group, start=1):
            row["rank"] = rank
    return ordered


def ranking_group(row: Row) -> tuple[Any, ...]:
    """Return task, data, base and epochs: rows that have them in common are ranked against each other."""
    own = tuple(str(row.get(key)) for key in keys_of(DataSettings))
    return row["task"], row.get("data") or "", own, row["base"], row["epochs_budget"]


def _order(row: Row) -> tuple[Any, ...]:
    full = row["status"].is_complete
    score = row.get(row["metric"])
    # Break ties by dev loss, then by id, so that the order is always the same.
    return (
        not full,
        ranking_group(row) if full else (),
        (-score if larger_is_better(row["metric"]) else score) if score is not None else float("inf"),
        row.get("dev_loss") if row.get("dev_loss") is not None else float("inf"),
        row["point_id"],
    )


def _arrow(kind: Any) -> pa.DataType:
    (plain,) = (k for k in alternatives(kind) if k is not types.NoneType)
    return ARROW[typing.get_origin(plain) or plain]


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
