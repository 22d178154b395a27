"""Locks: one that is held is told from a file system that cannot lock."""

import errno
import fcntl
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sweep.errors import RunError
from sweep.execution.job import Job
from sweep.execution.trial import run_trial
from sweep.planning.plan import Plan
from sweep.store import heartbeat
from sweep.store.failure import Failure
from sweep.store.heartbeat import SupersededError, hold_lease, is_held
from sweep.store.locks import LockError, try_lock
from sweep.store.run_folder import RunFolder
from tests.sweep.execution.test_trial import job_of

BROKEN = {
    errno.ENOSYS: "mount it with locks",
    errno.EOPNOTSUPP: "mount it with locks",
    errno.ENOLCK: "lock service of its NFS server",
    errno.ESTALE: "mount the folder again",
    errno.EIO: "choose another folder with --out",
}


@pytest.fixture
def file(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    descriptor = os.open(path := tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    yield descriptor, path
    os.close(descriptor)


def fail_with(monkeypatch: pytest.MonkeyPatch, *numbers: int) -> None:
    """Let the next calls of `flock` fail so, the last of them forever."""
    left = list(numbers)

    def flock(descriptor: object, how: int) -> None:
        number = left.pop(0) if len(left) > 1 else left[0]
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)


def test_a_lock_is_exclusive_or_shared(file: tuple[int, Path]) -> None:
    descriptor, path = file
    with path.open() as other:
        assert try_lock(descriptor, path, shared=True)
        assert try_lock(other.fileno(), path, shared=True)
        assert not try_lock(descriptor, path)


@pytest.mark.parametrize("number", BROKEN)
def test_a_file_system_without_locks_is_named(
    file: tuple[int, Path], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    fail_with(monkeypatch, number)
    with pytest.raises(LockError, match=f"cannot lock {file[1]}: {os.strerror(number)}; .*{BROKEN[number]}"):
        try_lock(*file)


@pytest.mark.parametrize("number", BROKEN)
def test_a_lease_waits_for_a_held_lock_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    fail_with(monkeypatch, errno.EWOULDBLOCK, errno.EWOULDBLOCK, number)
    with pytest.raises(LockError, match=BROKEN[number]), hold_lease(tmp_path, 1):
        pass
    assert is_held(tmp_path)  # it cannot be told: nothing is moved or removed


def test_a_lease_outlasts_those_of_an_nfs_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that was restarted gives locks of lost clients away after 90 s, and grants none for another 90 s."""
    now, waited = [0.0], []
    monkeypatch.setattr(heartbeat.time, "monotonic", lambda: now[0])

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        now[0] += 1

    monkeypatch.setattr(heartbeat.time, "sleep", sleep)
    fail_with(monkeypatch, errno.EWOULDBLOCK)
    with pytest.raises(SupersededError, match="another worker still holds this trial"), hold_lease(tmp_path, 1):
        pass
    assert len(waited) > 180


def test_a_run_on_such_a_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, errno.ENOSYS)
    with pytest.raises(RunError, match="mount it with locks"), RunFolder(tmp_path).lock():
        pass


def test_a_trial_on_such_a_file_system_loses_its_worker(
    micro_plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job: Job = replace(job_of(micro_plan.trials[0], tmp_path), attempt=2)
    fail_with(monkeypatch, errno.ESTALE)
    (report,) = run_trial(job)
    assert (report.failure, report.breaks_worker) == (Failure.WORKER_LOST, False)
