"""Signs of life: claims, beats, stalls, timeouts, on made-up clocks."""

import os
from pathlib import Path

import pytest

from sweep import alive
from sweep.alive import SupersededError, claim, last_beat, worker_of
from sweep.failure import Failure
from sweep.trial import Job
from sweep.watchdog import Watchdog


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def job(folder: Path, attempt: int = 1, seconds_left: float | None = None) -> Job:
    return Job(
        trial_id="a",
        points=(),
        revision=None,
        attempt=attempt,
        known_epoch=0,
        checkpoints=str(folder),
        threads=1,
        gpu=False,
        seconds_left=seconds_left,
    )


def test_a_claim_names_the_worker_and_leaves_no_lock(tmp_path: Path) -> None:
    with claim(tmp_path / "trial", 3):
        found = worker_of(tmp_path / "trial")
        assert found is not None
        assert (found.attempt, found.pid) == (3, os.getpid())
    with claim(tmp_path / "trial", 3):
        pass


def test_two_workers_never_hold_a_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alive, "CLAIM_SECONDS", 0.1)
    with claim(tmp_path, 1), pytest.raises(SupersededError, match="still holds"), claim(tmp_path, 2):
        raise AssertionError("both hold it")


def test_a_worker_that_wakes_up_finds_that_it_was_replaced(tmp_path: Path) -> None:
    with claim(tmp_path, 2):
        pass
    with pytest.raises(SupersededError, match="attempt 2 has taken over"), claim(tmp_path, 1):
        raise AssertionError("the old one went on")


def test_a_beat_moves_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alive, "BEAT_SECONDS", 0.0)
    with claim(tmp_path, 1) as beat:
        os.utime(tmp_path / alive.NAME, (0, 0))
        beat()
        assert (last_beat(tmp_path) or 0) > 0


def test_a_file_that_is_none_names_nobody(tmp_path: Path) -> None:
    assert worker_of(tmp_path) is None
    (tmp_path / alive.NAME).write_text("{")
    assert worker_of(tmp_path) is None


def test_a_stall_is_seen_once_and_only_where_nothing_moves(tmp_path: Path, clock: Clock) -> None:
    watchdog, told = Watchdog(10.0, clock), job(tmp_path)
    (tmp_path / alive.NAME).touch()
    watchdog.began(told)
    for step in range(1, 5):  # it moves: whatever the time of the file says, it changes
        clock.now += 9
        os.utime(tmp_path / alive.NAME, (step % 2 * 3600, step % 2 * 3600))
        assert watchdog.overdue() == []
    clock.now += 9
    watchdog.moved(told)
    clock.now += 9
    assert watchdog.overdue() == []
    clock.now += 2
    (late,) = watchdog.overdue()
    assert (late.job, late.failure) == (told, Failure.WORKER_LOST)
    assert "10s" in late.reason
    assert watchdog.overdue() == []


def test_no_stall_timeout_no_stall(tmp_path: Path, clock: Clock) -> None:
    watchdog = Watchdog(None, clock)
    watchdog.began(job(tmp_path))
    clock.now += 1e9
    assert watchdog.overdue() == []


def test_time_that_is_up_is_seen_though_it_moves(tmp_path: Path, clock: Clock) -> None:
    watchdog, told = Watchdog(10.0, clock), job(tmp_path, seconds_left=20.0)
    watchdog.began(told)
    for _ in range(3):
        clock.now += 7
        watchdog.moved(told)
    (late,) = watchdog.overdue()
    assert late.failure is Failure.TIMEOUT


def test_an_older_attempt_that_ends_leaves_the_newer_one_watched(tmp_path: Path, clock: Clock) -> None:
    watchdog = Watchdog(10.0, clock)
    watchdog.began(job(tmp_path, attempt=2))
    watchdog.ended(job(tmp_path, attempt=1))
    clock.now += 11
    assert [late.job.attempt for late in watchdog.overdue()] == [2]


def test_only_a_lost_worker_is_retried() -> None:
    assert [failure for failure in Failure if failure.is_retried] == [Failure.WORKER_LOST]
