"""A worker's heartbeat, and its lease on a trial.

While a worker computes an epoch, it locks the file `alive` in the trial's folder and touches it after every step. The
driver tells from the file's modification time whether the worker makes progress; its content names the worker. A
stalled worker that wakes up after it was replaced finds a newer attempt in the file and leaves the trial alone.
"""

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from sweep.store.locks import LockError, try_lock

NAME = "alive"
HEARTBEAT_SECONDS = 1.0  # the least time between two touches
# How long to wait for an earlier worker to release the trial. If its machine is gone, an NFS server releases its locks
# after a lease of 90 s, and a server that was restarted grants none for another 90 s.
LEASE_SECONDS = 200.0


class SupersededError(RuntimeError):
    """The trial belongs to a newer attempt, or to a worker that does not release it."""


@dataclass(frozen=True)
class Worker:
    """The process that works on a trial."""

    attempt: int
    pid: int
    host: str


@contextlib.contextmanager
def hold_lease(folder: Path, attempt: int) -> Iterator[Callable[[], None]]:
    """Hold the lease on the trial in `folder`, and yield a function to call after every step.

    Raise SupersededError if a newer attempt has the trial, or another worker does not release it; LockError if the file
    system cannot lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _lock(descriptor, folder / NAME)
        found = worker_of(folder)
        if found is not None and found.attempt > attempt:
            raise SupersededError(f"attempt {found.attempt} has taken over from attempt {attempt}")
        me = json.dumps(asdict(Worker(attempt, os.getpid(), socket.gethostname()))).encode()
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, me, 0)
        yield _beat(descriptor)
    finally:
        os.close(descriptor)


def worker_of(folder: Path) -> Worker | None:
    """Return the last worker of the trial in `folder`, or None if the file is missing or damaged."""
    try:
        return Worker(**json.loads((folder / NAME).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def is_held(folder: Path) -> bool:
    """Return whether a worker holds the lease on the trial in `folder`."""
    try:
        with (folder / NAME).open("rb") as file:
            return not try_lock(file.fileno(), folder / NAME, shared=True)
    except FileNotFoundError:
        return False
    except (OSError, LockError):  # it cannot be told
        return True


def last_heartbeat(folder: Path) -> float | None:
    """Return the time of the last heartbeat by the file system's clock, or None if there was none."""
    try:
        return (folder / NAME).stat().st_mtime
    except OSError:
        return None


def _lock(descriptor: int, path: Path) -> None:
    give_up = time.monotonic() + LEASE_SECONDS
    while not try_lock(descriptor, path):
        if time.monotonic() > give_up:
            raise SupersededError("another worker still holds this trial")
        time.sleep(0.05)


def _beat(descriptor: int) -> Callable[[], None]:
    last = time.monotonic()

    def beat() -> None:
        nonlocal last
        if (now := time.monotonic()) - last > HEARTBEAT_SECONDS:
            last = now
            os.utime(descriptor)

    return beat
