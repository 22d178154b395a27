"""The trial queue: its order, and that no trial is started twice."""

from collections.abc import Iterator

import pytest

from sweep import Space, grid
from sweep.planning.config import TuneConfig
from sweep.planning.plan import Plan, Trial, make_plan
from sweep.planning.space import expand
from sweep.store.state import RunState
from sweep.tuning.registry import make_scheduler
from sweep.tuning.trial_queue import TrialQueue
from tests.sweep.tuning.test_schedulers import begin, note, tell


def full_plan(*ranks: int) -> Plan:
    return make_plan(expand(Space(fixed={"epochs": 3}, axes={"lora.rank": grid(*ranks)}), {}), 1)


def queue_of(state: RunState, plan: Plan, scheduler: str = "fifo") -> TrialQueue:
    trials: dict[str, Trial] = {}
    return TrialQueue(state, plan, make_scheduler(TuneConfig(scheduler=scheduler), trials), trials)


def nothing() -> None:
    return None


def rest(queue: TrialQueue) -> Iterator[Trial]:
    while (trial := queue.next(nothing)) is not None:
        yield trial


def test_bases_come_first_then_the_space_in_its_order() -> None:
    plan = full_plan(4, 2, 8)
    base, *trainings = rest(queue_of(RunState(), plan))
    assert base.is_baseline
    assert trainings == list(plan.trials)


@pytest.mark.parametrize("scheduler", ["asha", "asha-promote"])
def test_asha_trials_run_in_the_order_of_their_ids(scheduler: str) -> None:
    queue = queue_of(RunState(), full_plan(*range(1, 9)), scheduler)
    base, *trainings = rest(queue)
    names = [trial.trial_id for trial in trainings]
    assert base.is_baseline
    assert len(names) == 8
    assert names == sorted(names)


def test_queue_runs_retries_first() -> None:
    plan, state = full_plan(1, 2, 3, 4, 5), RunState()
    one, two, three, four, five = plan.trials
    for trial, status in ((one, "COMPLETED"), (three, "FAILED"), (four, "INTERRUPTED"), (five, "DIVERGED")):
        begin(state, trial)
        note(state, "status", trial, status=status)
    given = [trial for trial in rest(queue_of(state, plan)) if not trial.is_baseline]
    assert given == [three, four, two]
    assert one not in given


def test_a_lost_trial_is_given_again_once_it_is_back() -> None:
    plan = full_plan(1)
    queue = queue_of(RunState(), plan)
    base, training = rest(queue)
    queue.release(base.trial_id, retry=False)
    queue.release(training.trial_id, retry=True)
    assert list(rest(queue)) == [training]
    assert queue.in_flight == {training.trial_id}


def test_queue_asks_the_search_when_empty() -> None:
    """Two workers: the base is still out when the second point, which compares with it too, is drawn."""
    state = RunState()
    queue = queue_of(state, Plan(()))
    drawn = iter([full_plan(2), full_plan(4)])
    given = []
    while (trial := queue.next(lambda: next(drawn, None))) is not None:
        given.append(trial)
        begin(state, trial)
    assert [trial.epochs for trial in given] == [0, 3, 3]
    assert len({trial.trial_id for trial in given}) == 3
    assert set(queue.trials) == {trial.trial_id for trial in given[1:]}


def test_a_failed_base_is_not_tried_again_with_every_point() -> None:
    state = RunState()
    queue = queue_of(state, Plan(()))
    drawn = iter([full_plan(2), full_plan(4), full_plan(8)])
    given = []
    while (trial := queue.next(lambda: next(drawn, None))) is not None:
        given.append(trial)
        begin(state, trial)
        note(state, "status", trial, status="FAILED" if trial.is_baseline else "COMPLETED")
        queue.release(trial.trial_id, retry=False)
    assert [trial.epochs for trial in given] == [0, 3, 3, 3]


def test_queue_can_refuse_new_trials() -> None:
    plan, state = full_plan(1, 2), RunState()
    one, _ = plan.trials
    begin(state, one)
    note(state, "status", one, status="INTERRUPTED")
    queue = queue_of(state, plan)

    def never() -> Plan:
        raise AssertionError("a point was drawn")

    assert queue.next(never, may_start=False) == one
    assert queue.next(never, may_start=False) is None


def test_promotion_waits_until_all_trials_have_started() -> None:
    plan, state = full_plan(1, 2), RunState()
    queue = queue_of(state, plan, "asha-promote")
    base, first, second = rest(queue)
    queue.release(base.trial_id, retry=False)
    begin(state, first)
    begin(state, second)
    tell(state, first, 1, 2.0, status="STOPPED", rung=1)
    queue.release(first.trial_id, retry=False)
    assert queue.next(nothing) is None  # the other one may be better
    tell(state, second, 1, 1.0, status="STOPPED", rung=1)
    queue.release(second.trial_id, retry=False)
    assert queue.next(nothing) == second
    assert queue.next(nothing) is None
