"""Find the running trials that must be ended from outside: those that stall, and those over their timeout."""

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
    """A running job."""

    job: Job
    started: float  # by the watchdog's clock
    heartbeat: float | None  # the worker's last heartbeat, by the file system's clock
    heard: float  # when the last new heartbeat was noticed, by the watchdog's clock


@dataclass(frozen=True, kw_only=True)
class Overdue:
    """A job that must be ended, and why."""

    job: Job
    failure: Failure
    reason: str


@dataclass
class Watchdog:
    """Watches jobs. A worker is alive while its heartbeat file's time changes; clocks of machines may differ."""

    stall_timeout: float | None  # seconds; None: stalls are not detected
    clock: Callable[[], float] = time.monotonic
    _watched: dict[Job, Watched] = field(default_factory=dict)

    def started(self, job: Job) -> None:
        now = self.clock()
        self._watched[job] = Watched(job, now, last_heartbeat(Path(job.checkpoints)), now)

    def reported(self, job: Job) -> None:
        """Count a report as a sign of life."""
        if job in self._watched:
            self._watched[job].heard = self.clock()

    def ended(self, job: Job) -> None:
        self._watched.pop(job, None)

    def overdue(self) -> list[Overdue]:
        """Return the jobs to end; each is returned once."""
        found = [late for watched in self._watched.values() if (late := self._judge(watched)) is not None]
        for late in found:
            self.ended(late.job)
        return found

    def _judge(self, watched: Watched) -> Overdue | None:
        now, job = self.clock(), watched.job
        if (heartbeat := last_heartbeat(Path(job.checkpoints))) != watched.heartbeat:
            watched.heartbeat, watched.heard = heartbeat, now
        if job.seconds_left is not None and now - watched.started > job.seconds_left:
            return Overdue(job=job, failure=Failure.TIMEOUT, reason="the trial ran longer than --trial-timeout allows")
        if self.stall_timeout is not None and now - watched.heard > self.stall_timeout:
            reason = f"no heartbeat for {format_duration(self.stall_timeout)} (--stall-timeout)"
            return Overdue(job=job, failure=Failure.WORKER_LOST, reason=reason)
        return None
