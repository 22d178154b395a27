"""Sees which running trials have to be ended from outside: those that stall, and those whose time is up."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sweep.execution.job import Job
from sweep.planning.config import format_duration
from sweep.store.failure import Failure
from sweep.store.heartbeat import last_heartbeat


@dataclass
class Watched:
    """A job that runs."""

    job: Job
    began: float  # on the watchdog's clock
    beat: float | None  # the worker's last sign of life, by the file system's clock
    seen: float  # when that was new, on the watchdog's clock


@dataclass(frozen=True, kw_only=True)
class Overdue:
    """A job that has to be ended, and why."""

    job: Job
    failure: Failure
    reason: str


@dataclass
class Watchdog:
    """Watches jobs. A worker moves as long as the time of its file changes, whatever the clocks of machines say."""

    stall_timeout: float | None  # seconds; None: no stall is seen
    clock: Callable[[], float] = time.monotonic
    _watched: dict[Job, Watched] = field(default_factory=dict)

    def began(self, job: Job) -> None:
        now = self.clock()
        self._watched[job] = Watched(job, now, last_heartbeat(Path(job.checkpoints)), now)

    def moved(self, job: Job) -> None:
        """The job gave a sign of life by itself: a report."""
        if job in self._watched:
            self._watched[job].seen = self.clock()

    def ended(self, job: Job) -> None:
        self._watched.pop(job, None)

    def overdue(self) -> list[Overdue]:
        """Jobs to end; each is named once."""
        found = [late for watched in self._watched.values() if (late := self._judge(watched)) is not None]
        for late in found:
            self.ended(late.job)
        return found

    def _judge(self, watched: Watched) -> Overdue | None:
        now, job = self.clock(), watched.job
        if (beat := last_heartbeat(Path(job.checkpoints))) != watched.beat:
            watched.beat, watched.seen = beat, now
        if job.seconds_left is not None and now - watched.began > job.seconds_left:
            return Overdue(job=job, failure=Failure.TIMEOUT, reason="it worked longer than --trial-timeout allows")
        if self.stall_timeout is not None and now - watched.seen > self.stall_timeout:
            reason = f"no sign of life for {format_duration(self.stall_timeout)} (--stall-timeout)"
            return Overdue(job=job, failure=Failure.WORKER_LOST, reason=reason)
        return None
