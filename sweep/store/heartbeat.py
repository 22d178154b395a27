"""A worker's sign of life, and its hold_lease to a trial.

While a worker computes an epoch it holds the file `alive` of the trial's folder locked and touches it after every step.
The driver sees from its time whether the worker still moves, and finds in it whom to end. A worker that was taken for
lost and wakes up again finds a newer attempt in the file, and leaves the trial alone.
"""

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

NAME = "alive"
HEARTBEAT_SECONDS = 1.0  # between two touches
LEASE_SECONDS = 60.0  # to wait for an earlier worker to let go of the trial


class SupersededError(RuntimeError):
    """The trial belongs to a newer attempt, or to a worker that does not let go of it."""


@dataclass(frozen=True)
class Worker:
    """Who works on a trial."""

    attempt: int
    pid: int
    host: str


@contextlib.contextmanager
def hold_lease(folder: Path, attempt: int) -> Iterator[Callable[[], None]]:
    """Hold the trial in `folder`, and yield what to call after every step. Raises SupersededError."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _lock(descriptor)
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
    """Who worked last on the trial in `folder`, as far as the file says."""
    try:
        return Worker(**json.loads((folder / NAME).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def last_heartbeat(folder: Path) -> float | None:
    """When the worker was last seen to move, by the file system's clock."""
    try:
        return (folder / NAME).stat().st_mtime
    except OSError:
        return None


def _lock(descriptor: int) -> None:
    give_up = time.monotonic() + LEASE_SECONDS
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if time.monotonic() > give_up:
                raise SupersededError("another worker still holds this trial") from error
            time.sleep(0.05)


def _beat(descriptor: int) -> Callable[[], None]:
    last = time.monotonic()

    def beat() -> None:
        nonlocal last
        if (now := time.monotonic()) - last > HEARTBEAT_SECONDS:
            last = now
            os.utime(descriptor)

    return beat
