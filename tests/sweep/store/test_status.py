"""Trial statuses: which transitions are allowed."""

import pytest

from sweep.store.status import TRANSITIONS, Status, check_transition


def test_every_state_is_judged() -> None:
    assert set(TRANSITIONS) == set(Status)


@pytest.mark.parametrize("end", [Status.COMPLETED, Status.DIVERGED, Status.CACHED])
def test_nothing_follows_an_end(end: Status) -> None:
    for after in Status:
        with pytest.raises(ValueError, match="cannot go from"):
            check_transition(end, after)


def test_a_stopped_trial_may_be_promoted_and_nothing_else() -> None:
    check_transition(Status.STOPPED, Status.RUNNING)
    for after in set(Status) - {Status.RUNNING}:
        with pytest.raises(ValueError, match="cannot go from"):
            check_transition(Status.STOPPED, after)


def test_a_failed_or_interrupted_trial_may_run_again() -> None:
    check_transition(Status.FAILED, Status.RUNNING)
    check_transition(Status.INTERRUPTED, Status.RUNNING)


def test_only_full_results_rank() -> None:
    assert {status for status in Status if status.is_complete} == {Status.COMPLETED, Status.CACHED}
