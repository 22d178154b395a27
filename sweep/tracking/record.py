"""What a tracker shows of a point: its name, its settings, and its numbers at each epoch."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from model.settings import Scalar
from model.task_specs import TASKS
from sweep.planning.plan import Point
from sweep.reporting.numbers import setting_text
from sweep.reporting.settings import informative_keys
from sweep.store.events import PointResult
from sweep.store.run_folder import RunFolder
from sweep.store.run_spec import RunSpec
from sweep.store.state import RunState, find_result, full_plan
from sweep.store.status import Status


@dataclass(frozen=True, kw_only=True)
class Record:
    """One point, as the ledger knows it at some moment. Records of the same point only ever gain epochs."""

    point_id: str
    trial_id: str
    group: str  # its configuration, in words; the seeds of a configuration share it
    seed: int
    status: Status
    reason: str | None  # why it stopped or failed
    settings: Mapping[str, Scalar]
    epochs: Mapping[int, Mapping[str, float]]  # epoch -> dev_loss, train_loss, and scores where there are any

    @property
    def name(self) -> str:
        return f"{self.group} seed {self.seed}"

    @property
    def has_ended(self) -> bool:
        """Return whether no session is working on the point or would continue it."""
        return not self.status.is_open


def records(folder: RunFolder, state: RunState, trial_id: str | None = None) -> Iterator[Record]:
    """Yield the record of each point of a run, or only those of one trial, that has started."""
    points = full_plan(folder.spec, state).points
    keys = _naming_keys(folder.spec)
    for point in points:
        if trial_id in (None, point.trial_id) and (record := _record(state, point, keys)).status != Status.PENDING:
            yield record


def _record(state: RunState, point: Point, keys: Sequence[str]) -> Record:
    trial, result = state.trial(point.trial_id), find_result(state, point)
    is_cached = result is not None and result.from_run is not None
    epochs = {
        number: {"dev_loss": one.losses.dev_loss, "train_loss": one.losses.train_loss, **_metric(point, one.metric)}
        for number, one in sorted(trial.epochs.items())
        if number <= point.epochs and not is_cached
    }
    if result is not None:
        epochs[point.epochs] = {**epochs.get(point.epochs, {}), **_scores(result)}
    return Record(
        point_id=point.point_id,
        trial_id=point.trial_id,
        group=_label(point, keys),
        seed=point.train.seed,
        status=_status(trial.status, result),
        reason=None if result is not None else trial.reason,
        settings=point.settings,
        epochs={number: _numbers(values) for number, values in epochs.items()},
    )


def _status(trial: Status, result: PointResult | None) -> Status:
    if result is None:
        return trial
    return Status.CACHED if result.from_run is not None else Status.COMPLETED


def _metric(point: Point, value: float | None) -> dict[str, float | None]:
    return {TASKS[point.train.task].metric: value}


def _scores(result: PointResult) -> dict[str, float | None]:
    """Return the scores of a finished point with the losses of the epoch that was scored."""
    return {"dev_loss": result.losses.dev_loss, "train_loss": result.losses.train_loss, **result.metrics}


def _numbers(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None and math.isfinite(value)}


def _naming_keys(spec: RunSpec) -> list[str]:
    """Return the settings that name points: the axes of a search, or what differs in the initial plan."""
    if spec.search_space is not None:
        return list(dict.fromkeys(key for branch in spec.search_space.branches for key in branch.axes))
    return [key for key in informative_keys([point.settings for point in spec.plan.points]) if key != "seed"]


def _label(point: Point, keys: Sequence[str]) -> str:
    settings = [f"{key}={setting_text(point.settings[key])}" for key in keys if key in point.settings]
    words = [*([point.variant] if point.variant else []), *(settings if not point.variant or len(settings) < 5 else [])]
    return " ".join(words) or point.train.base
