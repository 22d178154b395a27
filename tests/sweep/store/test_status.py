"""States: the judge of transitions."""

import pytest

from sweep.store.status import NEXT, Status, check_step


def test_every_state_is_judged() -> None:
    assert set(NEXT) == set(Status)


@pytest.mark.parametrize("end", [Status.COMPLETED, Status.DIVERGED, Status.CACHED])
def test_nothing_follows_an_end(end: Status) -> None:
    for after in Status:
        with pytest.raises(ValueError, match="cannot go from"):
            check_step(end, after)


def test_a_stopped_trial_may_be_promoted_and_nothing_else() -> None:
    check_step(Status.STOPPED, Status.RUNNING)
    for after in set(Status) - {Status.RUNNING}:
        with pytest.raises(ValueError, match="cannot go from"):
            check_step(Status.STOPPED, after)


def test_a_failed_or_interrupted_trial_may_run_again() -> None:
    check_step(Status.FAILED, Status.RUNNING)
    check_step(Status.INTERRUPTED, Status.RUNNING)


def test_only_full_results_rank() -> None:
    assert {status for status in Status if status.is_full} == {Status.COMPLETED, Status.CACHED}
