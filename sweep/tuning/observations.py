"""The observations that a search learns from: the outcome of each suggested point, according to the ledger."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.task_specs import TASKS
from sweep.planning.config import TuneConfig
from sweep.planning.plan import Point
from sweep.store.events import SuggestedEvent
from sweep.store.state import RunState, find_result, scored_epoch
from sweep.store.status import Status
from sweep.tuning.schedulers import objective


@dataclass(frozen=True)
class Observation:
    """What is known of a suggested point. `value` is its objective; lower is better."""

    params: Mapping[str, Any]
    state: str  # COMPLETE, PRUNED, FAIL or RUNNING, as in Optuna
    value: float | None = None  # finite if COMPLETE or PRUNED, else None
    epoch: int = 0  # at which a PRUNED point stopped


def observations(state: RunState, tune_config: TuneConfig) -> list[Observation]:
    """Return one observation for each suggestion, in order."""
    return [_observe(state, tune_config, event) for event in state.suggestions]


def _observe(state: RunState, tune_config: TuneConfig, event: SuggestedEvent) -> Observation:
    points = event.resolved()
    last = max(point.epochs for point in points)
    final = [point for point in points if point.epochs == last]  # one for each seed
    values = [_value(state, tune_config, point) for point in final]
    if all(value is not None for value in values):
        return _finite(event, "COMPLETE", [value for value in values if value is not None])
    trials = {point.trial_id: state.trial(point.trial_id) for point in final}
    statuses = {trial.status for trial in trials.values()}
    if statuses & {Status.DIVERGED, Status.FAILED}:
        return Observation(event.params, "FAIL")
    stopped = [point for point in final if trials[point.trial_id].status == Status.STOPPED]
    if stopped and not any(status.is_open for status in statuses):
        epoch = min(trials[point.trial_id].known_epoch for point in stopped)
        return _finite(event, "PRUNED", [_value_at(state, tune_config, point, epoch) for point in stopped], epoch)
    return Observation(event.params, "RUNNING")


def _finite(event: SuggestedEvent, outcome: str, values: Sequence[float], epoch: int = 0) -> Observation:
    """Return an observation of the mean over seeds, or of a failure if the mean is not finite."""
    mean = sum(values) / len(values)
    return Observation(event.params, outcome, mean, epoch) if math.isfinite(mean) else Observation(event.params, "FAIL")


def _value_at(state: RunState, tune_config: TuneConfig, point: Point, epoch: int) -> float:
    """Return the objective of a stopped point at `epoch`.

    A point that `patience` stopped has a score, though the metric was not measured at a rung.
    """
    trial, scored = state.trial(point.trial_id), state.scores.get(point.point_id)
    losses, metric = trial.epochs[epoch].losses, trial.epochs[epoch].metric
    if scored is not None:
        _, losses = scored_epoch(trial, point, epoch)
        metric = scored.score.metrics.get(TASKS[point.train.task].metric) if metric is None else metric
    return objective(tune_config, losses.dev_loss, metric)


def _value(state: RunState, tune_config: TuneConfig, point: Point) -> float | None:
    """Return the objective of a point that ran its full number of epochs, or None if it did not."""
    result = find_result(state, point)
    if result is None:
        return None
    return objective(tune_config, result.losses.dev_loss, result.metrics.get(TASKS[point.train.task].metric))
