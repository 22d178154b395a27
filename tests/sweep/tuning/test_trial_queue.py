"""The agenda: what comes first, what is never given twice."""

from collections.abc import Iterator

import pytest

from sweep import Space, grid
from sweep.planning.config import Strategy
from sweep.planning.plan import Plan, Trial, make_plan
from sweep.planning.space import unfold
from sweep.store.state import RunState
from sweep.tuning.schedulers import make_scheduler
from sweep.tuning.trial_queue import Agenda
from tests.sweep.test_scheduler import begin, note, tell


def plan_of(*ranks: int) -> Plan:
    return make_plan(unfold(Space(fixed={"epochs": 3}, axes={"lora.rank": grid(*ranks)}), {}), 1)


def agenda_of(state: RunState, plan: Plan, scheduler: str = "fifo") -> Agenda:
    trials: dict[str, Trial] = {}
    return Agenda(state, plan, make_scheduler(Strategy(scheduler=scheduler), trials), trials)


def nothing() -> None:
    return None


def rest(agenda: Agenda) -> Iterator[Trial]:
    while (trial := agenda.next(nothing)) is not None:
        yield trial


def test_bases_come_first_then_the_space_in_its_order() -> None:
    plan = plan_of(4, 2, 8)
    base, *trainings = rest(agenda_of(RunState(), plan))
    assert base.is_baseline
    assert trainings == list(plan.trials)


@pytest.mark.parametrize("scheduler", ["asha", "asha-promote"])
def test_under_asha_trainings_come_in_the_order_of_their_ids(scheduler: str) -> None:
    agenda = agenda_of(RunState(), plan_of(*range(1, 9)), scheduler)
    base, *trainings = rest(agenda)
    names = [trial.trial_id for trial in trainings]
    assert base.is_baseline
    assert len(names) == 8
    assert names == sorted(names)


def test_what_was_interrupted_or_failed_comes_before_what_was_not_begun_and_ends_stay_ends() -> None:
    plan, state = plan_of(1, 2, 3, 4, 5), RunState()
    one, two, three, four, five = plan.trials
    for trial, status in ((one, "COMPLETED"), (three, "FAILED"), (four, "INTERRUPTED"), (five, "DIVERGED")):
        begin(state, trial)
        note(state, "status", trial, status=status)
    given = [trial for trial in rest(agenda_of(state, plan)) if not trial.is_baseline]
    assert given == [three, four, two]
    assert one not in given


def test_a_lost_trial_is_given_again_once_it_is_back() -> None:
    plan = plan_of(1)
    agenda = agenda_of(RunState(), plan)
    base, training = rest(agenda)
    agenda.back(base.trial_id, again=False)
    agenda.back(training.trial_id, again=True)
    assert list(rest(agenda)) == [training]
    assert agenda.out == {training.trial_id}


def test_a_search_is_asked_once_nothing_is_left_and_a_base_is_given_once() -> None:
    """Two workers: the base is still out when the second point, which compares with it too, is drawn."""
    state = RunState()
    agenda = agenda_of(state, Plan(()))
    drawn = iter([plan_of(2), plan_of(4)])
    given = []
    while (trial := agenda.next(lambda: next(drawn, None))) is not None:
        given.append(trial)
        begin(state, trial)
    assert [trial.epochs for trial in given] == [0, 3, 3]
    assert len({trial.trial_id for trial in given}) == 3
    assert set(agenda.trials) == {trial.trial_id for trial in given[1:]}


def test_a_failed_base_is_not_tried_again_with_every_point() -> None:
    state = RunState()
    agenda = agenda_of(state, Plan(()))
    drawn = iter([plan_of(2), plan_of(4), plan_of(8)])
    given = []
    while (trial := agenda.next(lambda: next(drawn, None))) is not None:
        given.append(trial)
        begin(state, trial)
        note(state, "status", trial, status="FAILED" if trial.is_baseline else "COMPLETED")
        agenda.back(trial.trial_id, again=False)
    assert [trial.epochs for trial in given] == [0, 3, 3, 3]


def test_nothing_new_is_begun_where_that_is_not_wanted() -> None:
    plan, state = plan_of(1, 2), RunState()
    one, _ = plan.trials
    begin(state, one)
    note(state, "status", one, status="INTERRUPTED")
    agenda = agenda_of(state, plan)

    def never() -> Plan:
        raise AssertionError("a point was drawn")

    assert agenda.next(never, begins=False) == one
    assert agenda.next(never, begins=False) is None


def test_a_training_waits_for_its_promotion_until_all_are_begun_and_drained() -> None:
    plan, state = plan_of(1, 2), RunState()
    agenda = agenda_of(state, plan, "asha-promote")
    base, first, second = rest(agenda)
    agenda.back(base.trial_id, again=False)
    begin(state, first)
    begin(state, second)
    tell(state, first, 1, 2.0, status="STOPPED", rung=1)
    agenda.back(first.trial_id, again=False)
    assert agenda.next(nothing) is None  # the other one may be better
    tell(state, second, 1, 1.0, status="STOPPED", rung=1)
    agenda.back(second.trial_id, again=False)
    assert agenda.next(nothing) == second
    assert agenda.next(nothing) is None
