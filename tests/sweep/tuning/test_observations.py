"""The observations that a search gets from the ledger."""

import math
from typing import Any

import pytest

from sweep import Space, grid
from sweep.planning.config import TuneConfig
from sweep.planning.plan import Trial, group, make_plan
from sweep.planning.space import expand
from sweep.store.events import CachedEvent, PointResult
from sweep.store.state import RunState
from sweep.tuning.observations import Observation, observations
from tests.sweep.made_up import epoch_record, event
from tests.sweep.tuning.test_schedulers import begin, note, tell

ASHA = TuneConfig(search="tpe", num_samples=9, scheduler="asha")
FIFO = TuneConfig(search="tpe", num_samples=9)
METRIC = TuneConfig(search="tpe", num_samples=9, objective="metric")
PARAMS = {"lora.rank": 2}


def suggested(seeds: int = 1, **fixed: Any) -> tuple[RunState, list[Trial]]:
    """A state in which one point of three epochs was drawn, and its trainings."""
    plan = make_plan(expand(Space(fixed={"epochs": 3, **fixed}, axes={"lora.rank": grid(2)}), {}), seeds)
    state = RunState()
    settings = [point.settings for point in plan.points]
    state.apply(event("suggested", number=1, params=PARAMS, points=settings))
    return state, list(plan.trials)


def score(trial: Trial, **metrics: float) -> dict[str, Any]:
    (point,) = trial.points
    return {"point_id": point.point_id, "metrics": metrics, "samples": [], "decode_seconds": 0.1}


def complete(state: RunState, trial: Trial, value: float, chrf: float = 40.0) -> None:
    begin(state, trial)
    for epoch in (1, 2):
        tell(state, trial, epoch, value + 1)
    tell(state, trial, 3, value, status="COMPLETED", scores=[score(trial, chrf=chrf)])


def test_unfinished_points_are_running() -> None:
    state, (trial,) = suggested()
    assert observations(state, FIFO) == [Observation(PARAMS, "RUNNING")]
    begin(state, trial)
    tell(state, trial, 1, 2.0)
    assert observations(state, FIFO) == [Observation(PARAMS, "RUNNING")]
    note(state, "status", trial, status="INTERRUPTED")
    assert observations(state, FIFO) == [Observation(PARAMS, "RUNNING")]


def test_a_complete_point_has_its_last_loss_or_its_metric() -> None:
    state, (trial,) = suggested()
    complete(state, trial, 2.0, chrf=41.0)
    assert observations(state, FIFO) == [Observation(PARAMS, "COMPLETE", 2.0)]
    assert observations(state, METRIC) == [Observation(PARAMS, "COMPLETE", -41.0)]


def test_stopped_point_is_pruned_with_its_rung_value() -> None:
    state, (trial,) = suggested()
    begin(state, trial)
    tell(state, trial, 1, 2.5, status="STOPPED", rung=1, metric=30.0)
    assert observations(state, ASHA) == [Observation(PARAMS, "PRUNED", 2.5, 1)]
    assert observations(state, METRIC) == [Observation(PARAMS, "PRUNED", -30.0, 1)]


def test_early_stopped_point_is_pruned_with_its_score() -> None:
    """It is scored where it ends, though no rung lies there."""
    state, (trial,) = suggested(patience=1)
    begin(state, trial)
    tell(state, trial, 1, 2.0)
    tell(state, trial, 2, 2.5, status="STOPPED", scores=[score(trial, chrf=38.0)])
    assert observations(state, FIFO) == [Observation(PARAMS, "PRUNED", 2.5, 2)]
    assert observations(state, METRIC) == [Observation(PARAMS, "PRUNED", -38.0, 2)]


@pytest.mark.parametrize("status", ["DIVERGED", "FAILED"])
def test_failed_point_has_no_value(status: str) -> None:
    state, (trial,) = suggested()
    begin(state, trial)
    tell(state, trial, 1, 2.0)
    note(state, "epoch", trial, epoch=2, losses={}, cost={}, status=status, loss="inf")
    assert observations(state, FIFO) == [Observation(PARAMS, "FAIL")]


def test_seeds_are_averaged() -> None:
    state, (one, two) = suggested(seeds=2)
    complete(state, one, 2.0)
    assert observations(state, FIFO) == [Observation(PARAMS, "RUNNING")]
    complete(state, two, 3.0)
    assert observations(state, FIFO) == [Observation(PARAMS, "COMPLETE", 2.5)]


def test_seeds_combine_to_failed_before_pruned() -> None:
    state, (one, two) = suggested(seeds=2)
    complete(state, one, 2.0)
    begin(state, two)
    tell(state, two, 1, 4.0, status="STOPPED", rung=1)
    assert observations(state, ASHA) == [Observation(PARAMS, "PRUNED", 4.0, 1)]
    state, (one, two) = suggested(seeds=2)
    complete(state, one, 2.0)
    begin(state, two)
    note(state, "epoch", two, epoch=1, status="DIVERGED", loss="nan")
    assert observations(state, ASHA) == [Observation(PARAMS, "FAIL")]


def test_a_point_from_an_earlier_run_is_complete() -> None:
    state, (trial,) = suggested()
    found = epoch_record(3, 1.5)
    record = PointResult(metrics={"chrf": 44.0}, epoch=3, losses=found.losses, cost=found.cost, attempt=1)
    (point,) = trial.points
    state.apply(CachedEvent(point_id=point.point_id, from_run="r", record=record))
    assert observations(state, FIFO) == [Observation(PARAMS, "COMPLETE", 1.5)]
    assert observations(state, METRIC) == [Observation(PARAMS, "COMPLETE", -44.0)]


def test_a_point_is_judged_at_its_last_milestone() -> None:
    plan = make_plan(expand(Space(milestones=(1, 3), axes={"lora.rank": grid(2)}), {}), 1)
    state = RunState()
    settings = [point.settings for point in plan.points]
    state.apply(event("suggested", number=1, params=PARAMS, points=settings))
    (trial,) = group(plan.points)
    first, last = (
        {"point_id": p.point_id, "metrics": {"chrf": 40.0 + p.epochs}, "samples": [], "decode_seconds": 0.1}
        for p in plan.points
    )
    begin(state, trial)
    tell(state, trial, 1, 1.0, scores=[first])
    assert observations(state, FIFO) == [Observation(PARAMS, "RUNNING")]
    tell(state, trial, 2, 1.5)
    tell(state, trial, 3, 2.0, status="COMPLETED", scores=[last])
    assert observations(state, FIFO) == [Observation(PARAMS, "COMPLETE", 2.0)]
    assert observations(state, METRIC) == [Observation(PARAMS, "COMPLETE", -43.0)]


def test_unmeasured_metric_has_no_value() -> None:
    state, (trial,) = suggested()
    begin(state, trial)
    tell(state, trial, 1, 2.5, status="STOPPED", rung=1)
    (told,) = observations(state, METRIC)
    assert told == Observation(PARAMS, "FAIL")
    assert not math.isinf(told.value or 0.0)
