"""Which failed trials a session tries again."""

import pytest

from sweep.execution.cards import MOST_TRIALS, Card, CardRecord
from sweep.execution.retries import Retries
from sweep.store.failure import Failure


def test_a_lost_worker_is_retried_up_to_the_limit() -> None:
    retries = Retries(2, shares_gpu=False)
    assert [retries.is_due("a", Failure.WORKER_LOST) for _ in range(3)] == [True, True, False]
    assert retries.is_due("b", Failure.WORKER_LOST)
    assert not retries.is_alone("a")


@pytest.mark.parametrize("failure", [Failure.ERROR, Failure.OUT_OF_HOST_MEMORY, Failure.TIMEOUT])
def test_what_would_fail_again_is_not_retried(failure: Failure) -> None:
    assert not Retries(2, shares_gpu=True).is_due("a", failure)


def test_lack_of_gpu_memory_is_retried_once_alone() -> None:
    retries = Retries(0, shares_gpu=True)
    assert [retries.is_due("a", Failure.OUT_OF_GPU_MEMORY) for _ in range(2)] == [True, False]
    assert retries.is_alone("a")
    assert not retries.is_alone("b")
    assert not Retries(2, shares_gpu=False).is_due("a", Failure.OUT_OF_GPU_MEMORY)


def test_a_gpu_is_given_up_after_three_trials() -> None:
    bad, good, record = Card("m", "n", "0"), Card("m", "n", "1"), CardRecord()
    assert not any(record.broke(bad, "a") for _ in range(9))  # one trial alone may be at fault
    assert [record.broke(bad, name) for name in ("b", "c", "d")] == [False, True, False]
    assert not record.broke(good, "d")
    assert (record.retired, MOST_TRIALS) == ([bad], 3)
    assert str(bad) == "GPU 0 of m"
