"""The leaderboard: one row per point, derived from the ledger, kept as Parquet with an explicit schema.

Only rows of equal task, data and epochs that ran their full length rank against each other. Everything else is listed
behind them with its status and reason: no row is hidden.
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

from model.settings import Scalar, alternatives
from model.task_specs import TASKS
from sweep.planning.flat import decode_keys, train_keys
from sweep.planning.importing import is_extension
from sweep.planning.plan import Point
from sweep.store.events import PointResult
from sweep.store.run_folder import RunFolder, write_file
from sweep.store.state import RunState, TrialState, find_result, full_plan, load_state
from sweep.store.status import Status

Row = dict[str, Any]

METRICS = tuple(
    dict.fromkeys(metric for name, task in TASKS.items() if not is_extension(name) for metric in task.metrics)
)
LOSSES = ("train_loss", "dev_loss", "best_dev_loss")  # nats per token
UTC_TIME = pa.timestamp("us", tz="UTC")
ARROW = {int: pa.int64(), float: pa.float64(), str: pa.string(), bool: pa.bool_()}

# What differs between two equal runs: time, memory, and how often a worker had to start.
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
    """Return the columns that are also measured on the un-tuned base, as base_<name>."""
    return tuple(dict.fromkeys(("dev_loss", *METRICS, *(metric for row in rows for metric in metrics_of(row)))))


def metrics_of(row: Row) -> tuple[str, ...]:
    """Return the metrics of the task of `row`: larger is better."""
    return TASKS[row["task"]].metrics if "task" in row else METRICS


def schema(rows: Sequence[Row] = ()) -> pa.Schema:
    """Return the names and types of the columns of `rows`, in order. Extensions add their settings and metrics."""
    builtin = {**train_keys(extensions=False), **decode_keys()}
    keys = {**builtin, **{key: kind for key, kind in train_keys().items() if any(key in row for row in rows)}}
    metrics = compared(rows)[1:]
    columns: dict[str, pa.DataType] = {
        "run": pa.string(),
        "point_id": pa.string(),
        "trial_id": pa.string(),
        "status": pa.string(),
        "stop_reason": pa.string(),
        "failure": pa.string(),  # the kind, of a FAILED row: error, out of memory, worker lost, timeout
        "rank": pa.int64(),  # among rows of equal task, data and epochs
        **{key: _arrow(kind) for key, kind in keys.items() if key != "epochs"},
        "epoch": pa.int64(),  # that the row was scored at
        "epochs_budget": pa.int64(),  # that the point asks for
        "rung": pa.int64(),  # the epoch at which a scheduler stopped it
        "metric": pa.string(),  # what rows are ranked by
        **{name: pa.float64() for name in (*metrics, *LOSSES)},
        "best_epoch": pa.int64(),  # of best_dev_loss
        **{f"base_{name}": pa.float64() for name in ("dev_loss", *metrics)},
        "trainable_params": pa.int64(),
        "total_params": pa.int64(),
        "trainable_share": pa.float64(),  # of all parameters
        "train_seconds": pa.float64(),
        "decode_seconds": pa.float64(),
        "train_tokens": pa.int64(),
        "tokens_per_second": pa.float64(),
        "peak_memory_bytes": pa.int64(),
        "optimizer_state_bytes": pa.int64(),
        "precond_fallbacks": pa.int64(),  # times that SOAP kept a basis it could not refresh
        "device": pa.string(),
        "threads": pa.int64(),
        "attempt": pa.int64(),
        "cached_from": pa.string(),  # the run that computed a CACHED row
        "started_at": UTC_TIME,
        "ended_at": UTC_TIME,
        "base_sha256": pa.string(),
        "config_json": pa.string(),  # canonical settings
    }
    return pa.schema(list(columns.items()))


def load_rows(folder: RunFolder) -> list[Row]:
    """Return the rows of a run, straight from its ledger. Raise RunError or LedgerError."""
    return rows(folder, load_state(folder))


def rows(folder: RunFolder, state: RunState) -> list[Row]:
    """Return one row per point of the plan: ranked rows first, best first, each group of equal epochs by itself."""
    unranked = [_row(folder, state, point) for point in full_plan(folder.spec, state).points]
    return _ranked(unranked)


def write_leaderboard(folder: RunFolder, state: RunState, ranked: list[Row]) -> None:
    """Bring `leaderboard.parquet`, of the rows `ranked`, and `samples.parquet` up to date, each whole or not at all."""
    write_parquet(folder.leaderboard, pa.Table.from_pylist(ranked, schema=schema(ranked)))
    write_parquet(folder.samples, samples_table(folder, state))


def samples_table(folder: RunFolder, state: RunState) -> pa.Table:
    """Generated texts and per-example scores of every scored point: columns as the task names them."""
    records = [
        {"point_id": point.point_id, **sample}
        for point in full_plan(folder.spec, state).points
        for sample in _samples(state, point)
    ]
    if not records:
        return pa.table({"point_id": pa.array([], pa.string())})
    names = dict.fromkeys(name for record in records for name in record)  # tasks record different things
    return pa.Table.from_pydict({name: [record.get(name) for record in records] for name in names})


def write_parquet(path: Path, table: pa.Table) -> None:
    """Write `table` beside `path`, flush it, rename it: a reader sees the old file or the new one."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    write_file(path, sink.getvalue().to_pybytes())


def _row(folder: RunFolder, state: RunState, point: Point) -> Row:
    spec = folder.spec
    row: Row = {
        "run": folder.name,
        "point_id": point.point_id,
        "trial_id": point.trial_id,
        **{key: value for key, value in point.columns.items() if key != "epochs"},
        "epochs_budget": point.epochs,
        "metric": TASKS[point.train.task].metric,
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
    """Return the columns of a point without a score at its own epochs: how far it got, and why no further."""
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
    epoch = trial.epochs[trial.known_epoch]
    metrics = {} if epoch.metric is None else {TASKS[point.train.task].metric: epoch.metric}
    scored = state.scores.get(point.point_id)
    return PointResult(
        metrics=scored.score.metrics if scored else metrics,
        decode_seconds=scored.score.decode_seconds if scored else None,
        epoch=trial.known_epoch,
        losses=epoch.losses,
        cost=epoch.cost,
        attempt=trial.attempt,
    )


def _baseline(state: RunState, point: Point) -> Row:
    """Return the scores of the un-tuned base under this point's decoding and seed."""
    result = find_result(state, point.baseline)
    if result is None:
        return {}
    measured = {**vars(result.losses), **result.metrics}
    return {f"base_{name}": measured[name] for name in ("dev_loss", *result.metrics)}


def _samples(state: RunState, point: Point) -> Sequence[Mapping[str, Scalar]]:
    if (cached := state.cached.get(point.point_id)) is not None:
        return cached.record.samples
    scored = state.scores.get(point.point_id)
    return scored.score.samples if scored else ()


def _ranked(unranked: list[Row]) -> list[Row]:
    ordered = sorted(unranked, key=_order)
    for _, group in groupby((row for row in ordered if row["status"].is_complete), key=_ranking_group):
        for rank, row in enumerate(group, start=1):
            row["rank"] = rank
    return ordered


def _ranking_group(row: Row) -> tuple[Any, ...]:
    """Rows with equal values here rank against each other."""
    return row["task"], row.get("data") or "", row["base"], row["epochs_budget"]


def _order(row: Row) -> tuple[Any, ...]:
    full = row["status"].is_complete
    score = row.get(row["metric"])
    # Ties are broken by dev loss, then by id, so that the order is the same every time.
    return (
        not full,
        _ranking_group(row) if full else (),
        -score if score is not None else float("inf"),
        row.get("dev_loss") if row.get("dev_loss") is not None else float("inf"),
        row["point_id"],
    )


def _arrow(kind: Any) -> pa.DataType:
    (plain,) = (k for k in alternatives(kind) if k is not types.NoneType)
    return ARROW[typing.get_origin(plain) or plain]


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
