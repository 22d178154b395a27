"""What a search is told: its points as far as the ledger knows them."""

import math
from collections.abc import Sequence

from model.task_specs import TASKS
from sweep.planning.config import Strategy
from sweep.planning.plan import Point, point_from
from sweep.store.ledger import Event
from sweep.store.state import RunState, record_of
from sweep.store.status import Status
from sweep.tuning.schedulers import objective
from sweep.tuning.searchers import Told


def history(state: RunState, strategy: Strategy) -> list[Told]:
    """Every point that was drawn, in order."""
    return [_told(state, strategy, event) for event in state.suggestions]


def _told(state: RunState, strategy: Strategy, event: Event) -> Told:
    points = [point_from(settings) for settings in event["points"]]
    last = max(point.epochs for point in points)
    judged = [point for point in points if point.epochs == last]  # one a seed
    values = [_value(state, strategy, point) for point in judged]
    if all(value is not None for value in values):
        return _finite(event, "COMPLETE", [value for value in values if value is not None])
    trials = {point.trial_id: state.trial(point.trial_id) for point in judged}
    statuses = {trial.status for trial in trials.values()}
    if statuses & {Status.DIVERGED, Status.FAILED}:
        return Told(event["params"], "FAIL")
    stopped = [point for point in judged if trials[point.trial_id].status == Status.STOPPED]
    if stopped and not any(status.is_open for status in statuses):
        epoch = min(trials[point.trial_id].known_epoch for point in stopped)
        return _finite(event, "PRUNED", [_value_at(state, strategy, point, epoch) for point in stopped], epoch)
    return Told(event["params"], "RUNNING")


def _finite(event: Event, told: str, values: Sequence[float], epoch: int = 0) -> Told:
    """The mean over seeds; a mean that is not finite is a failure."""
    mean = sum(values) / len(values)
    return Told(event["params"], told, mean, epoch) if math.isfinite(mean) else Told(event["params"], "FAIL")


def _value_at(state: RunState, strategy: Strategy, point: Point, epoch: int) -> float:
    """The objective of a stopped point. One whose patience ended has a score where no rung had its metric measured."""
    record = state.trial(point.trial_id).epochs[epoch]
    metric = record.get("metric")
    if metric is None and (score := state.scores.get(point.point_id)) is not None:
        metric = score["metrics"].get(TASKS[point.train.task].metric)
    return objective(strategy, record["losses"]["dev_loss"], metric)


def _value(state: RunState, strategy: Strategy, point: Point) -> float | None:
    """The objective of a point that ran its full length."""
    record = record_of(state, point)
    if record is None:
        return None
    return objective(strategy, record["losses"]["dev_loss"], record["metrics"].get(TASKS[point.train.task].metric))
