"""Everything about one point: its settings, scores, learning curve, cost, provenance and first texts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sweep.reporting.frames import trial_rows
from sweep.reporting.inspect.shown_point import Sample, ShownPoint
from sweep.reporting.leaderboard import Row, larger_is_better, metrics_of, ranking_group, scores_on_test
from sweep.reporting.settings import settings_of, varying_keys
from sweep.store.state import full_plan

FIRST = 3  # samples
COST = (
    "train_seconds",
    "train_tokens",
    "tokens_per_second",
    "decode_seconds",
    "trainable_params",
    "total_params",
    "trainable_share",
    "peak_memory_bytes",
    "optimizer_state_bytes",
)


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A score of a point, in the metric's unit. `gain` is positive if the point beats its baseline."""

    value: float
    draw_sd: float | None  # between draws of the texts
    baseline: float | None
    gain: float | None


@dataclass(frozen=True, kw_only=True)
class Details:
    """One point in detail."""

    run: str
    point_id: str
    trial_id: str
    variant: str | None
    status: str
    reason: str | None  # why it stopped or failed
    note: str | None
    epoch: int | None  # that was scored, or that was reached
    epochs_budget: int
    metric: str
    rank: int | None
    ranked: int  # points that it is ranked among
    varying: Mapping[str, Any]  # settings in which the points of the run differ; None if this one does not have it
    common: Mapping[str, Any]  # the other settings
    scores: Mapping[str, Scored]
    curve: Sequence[Mapping[str, Any]]  # losses, metric and seconds at each epoch; empty if another run computed it
    cost: Mapping[str, Any]
    provenance: Mapping[str, Any]
    samples: Sequence[Sample]  # the first ones

    def as_dict(self) -> dict[str, Any]:
        """Return the details as nested dicts, as `sweep show --format json` prints them."""
        return asdict(self)


def details(shown: ShownPoint) -> Details:
    """Return the details of a point."""
    row, point = shown.row, shown.point
    varying = varying_keys(settings_of(shown.rows)) if shown.rows else []
    group = [one for one in shown.rows if one.get("rank") and ranking_group(one) == ranking_group(row)]
    return Details(
        run=shown.folder.name,
        point_id=point.point_id,
        trial_id=point.trial_id,
        variant=point.variant,
        status=str(row["status"]),
        reason=row.get("stop_reason"),
        note=row.get("note"),
        epoch=row.get("epoch"),
        epochs_budget=point.epochs,
        metric=row["metric"],
        rank=row.get("rank"),
        ranked=len(group),
        varying={key: point.columns.get(key) for key in varying},
        common={key: value for key, value in point.columns.items() if key not in varying},
        scores={name: _scored(row, name, point.epochs > 0) for name in score_names([row])},
        curve=_curve(shown),
        cost={name: row.get(name) for name in COST},
        provenance=_provenance(shown),
        samples=shown.samples[:FIRST],
    )


def score_names(rows: Sequence[Row]) -> list[str]:
    """Return the scores that any of `rows` has, the one that ranks them first."""
    names = [name for row in rows for name in (row["metric"], *metrics_of(row), "dev_loss", "best_dev_loss")]
    known = dict.fromkeys([*names, "train_loss", *scores_on_test(rows)])
    return [name for name in known if any(row.get(name) is not None for row in rows)]


def _scored(row: Row, name: str, trained: bool) -> Scored:
    value, baseline = row[name], row.get(f"base_{name}") if trained else None
    sign = 1 if larger_is_better(name) else -1
    return Scored(
        value=value,
        draw_sd=row.get(f"{name}_draw_sd"),
        baseline=baseline,
        gain=None if baseline is None else sign * (value - baseline),
    )


def _curve(shown: ShownPoint) -> list[Mapping[str, Any]]:
    trials = full_plan(shown.folder.spec, shown.state).trials
    trial = next((one for one in trials if one.trial_id == shown.point.trial_id), None)
    if trial is None:
        return []
    names = ("epoch", "train_loss", "dev_loss", *metrics_of(shown.row), "train_seconds")
    found = [row for row in trial_rows(shown.state, trial) if row["epoch"] <= shown.point.epochs]
    return [{name: row[name] for name in names if name in row} for row in found]


def _provenance(shown: ShownPoint) -> dict[str, Any]:
    provenance, row, train = shown.folder.spec.provenance, shown.row, shown.point.train
    base, data = provenance.base(shown.point), provenance.dataset(shown.point)
    return {
        "base": train.base,
        "base_revision": base.revision,
        "base_sha256": base.sha256,
        "data": train.data,
        "data_sha256": data.sha256,
        "numerics_sha256": provenance.numerics_sha256,
        "tool_commit": provenance.tool_commit,
        "folder_commit": provenance.folder_commit,
        "extensions": {name: one.sha256 for name, one in provenance.extensions.items()},
        "versions": dict(provenance.versions),
        "device": row.get("device") or provenance.device,
        "threads": row.get("threads") or provenance.threads,
        "attempt": row.get("attempt"),
        "cached_from": row.get("cached_from"),
        "started_at": row.get("started_at"),
        "ended_at": row.get("ended_at"),
    }
