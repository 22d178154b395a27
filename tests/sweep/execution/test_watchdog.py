"""The watchdog, with a fake clock."""

import os
from pathlib import Path

import pytest

from sweep.execution.job import Job
from sweep.execution.watchdog import Watchdog
from sweep.planning.sources import Source
from sweep.store.failure import Failure


def job_in(folder: Path, seconds_left: float | None = None, attempt: int = 1) -> Job:
    return Job(
        trial_id=folder.name,
        points=(),
        base=Source("0"),
        data=Source("0"),
        numerics_sha256="0",
        device="cpu (AVX2)",
        attempt=attempt,
        known_epoch=0,
        checkpoints=str(folder),
        threads=1,
        gpu=False,
        seconds_left=seconds_left,
    )


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "trial").mkdir()
    return tmp_path / "trial"


def touch(folder: Path, at: float) -> None:
    """A sign of life that the file system dates `at`."""
    (folder / "alive").touch()
    os.utime(folder / "alive", (at, at))


def test_a_worker_that_gives_no_sign_is_seen_once(clock: Clock, folder: Path) -> None:
    dog, job = Watchdog(60.0, clock), job_in(folder)
    touch(folder, 5.0)
    dog.started(job)
    clock.now += 60
    assert dog.overdue() == []
    clock.now += 1
    (late,) = dog.overdue()
    assert (late.job, late.failure) == (job, Failure.WORKER_LOST)
    assert late.reason == "no heartbeat for 1m (--stall-timeout)"
    clock.now += 1000
    assert dog.overdue() == []


@pytest.mark.parametrize("step", [1.0, -3600.0, 1e6, 0.001])
def test_any_mtime_change_is_a_sign_of_life(clock: Clock, folder: Path, step: float) -> None:
    """A file server whose clock is wrong, or is set back while a worker works."""
    dog, job, date = Watchdog(60.0, clock), job_in(folder), 1e6
    dog.started(job)
    for _ in range(5):
        clock.now += 50
        date += step
        touch(folder, date)
        assert dog.overdue() == []
    clock.now += 61
    assert [late.job for late in dog.overdue()] == [job]


def test_unchanged_file_is_no_sign_of_life(clock: Clock, folder: Path) -> None:
    dog, job = Watchdog(60.0, clock), job_in(folder)
    touch(folder, 4e9)  # in the future
    dog.started(job)
    clock.now += 61
    assert len(dog.overdue()) == 1


def test_the_wall_clock_does_not_matter(clock: Clock, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dog, job = Watchdog(60.0, clock), job_in(folder, seconds_left=100.0)
    monkeypatch.setattr("time.time", lambda: 1e12)
    dog.started(job)
    monkeypatch.setattr("time.time", lambda: -1e12)
    clock.now += 59
    assert dog.overdue() == []


def test_a_report_is_a_sign(clock: Clock, folder: Path) -> None:
    dog, job = Watchdog(60.0, clock), job_in(folder)
    dog.started(job)
    clock.now += 59
    dog.reported(job)
    clock.now += 59
    assert dog.overdue() == []
    dog.reported(job_in(folder, attempt=9))  # nobody watches it: no sign of this one
    clock.now += 2
    assert len(dog.overdue()) == 1


def test_a_folder_that_comes_later_is_a_sign(clock: Clock, tmp_path: Path) -> None:
    dog, folder = Watchdog(60.0, clock), tmp_path / "later"
    dog.started(job_in(folder))
    clock.now += 59
    folder.mkdir()
    touch(folder, 5.0)
    assert dog.overdue() == []
    clock.now += 59
    assert dog.overdue() == []


def test_time_that_is_up_is_up_whatever_moves(clock: Clock, folder: Path) -> None:
    dog, job = Watchdog(60.0, clock), job_in(folder, seconds_left=100.0)
    dog.started(job)
    for date in range(3):
        clock.now += 33
        touch(folder, date)
        assert dog.overdue() == []
    clock.now += 2
    touch(folder, 99)
    (late,) = dog.overdue()
    assert late.failure is Failure.TIMEOUT
    assert "--trial-timeout" in late.reason


def test_no_limits_no_end(clock: Clock, folder: Path) -> None:
    dog = Watchdog(None, clock)
    dog.started(job_in(folder))
    clock.now += 1e9
    assert dog.overdue() == []


def test_jobs_are_watched_each_for_itself_until_they_end(clock: Clock, tmp_path: Path) -> None:
    dog = Watchdog(60.0, clock)
    one, two, three = (job_in(tmp_path / name) for name in ("one", "two", "three"))
    for job in (one, two, three):
        dog.started(job)
    dog.ended(one)
    clock.now += 30
    dog.reported(two)
    clock.now += 31
    assert [late.job for late in dog.overdue()] == [three]
    dog.ended(one)  # twice, or never begun: no matter
