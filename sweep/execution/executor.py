"""Executors: where trials run. One interface, two implementations: this process, or Ray's workers."""

from contextlib import closing
from typing import Protocol

from sweep.execution.job import Job
from sweep.execution.trial import TrialReport, run_trial
from sweep.store.failure import Failure


class Listener(Protocol):
    """The driver, as an executor sees it. Called from one thread only."""

    def next_job(self) -> Job | None:
        """The job to begin now. None: there is none, unless one that is running ends."""
        ...

    def started(self, job: Job) -> None:
        """A worker takes up `job`."""
        ...

    def reported(self, job: Job, report: TrialReport) -> bool:
        """An epoch of `job` is done, or its last one when `report.status` is set. Whether the job goes on."""
        ...

    def lost(self, job: Job, failure: Failure, reason: str) -> None:
        """The worker of `job` is gone without a last report."""
        ...

    @property
    def stopping(self) -> bool:
        """Whether to stop: launch nothing more, and return once running trials are where they can resume."""
        ...

    @property
    def resume_command(self) -> str:
        """What to type to go on with the run, for an executor that has to end the process."""
        ...


class Executor(Protocol):
    """Runs jobs and tells a listener."""

    def run(self, listener: Listener) -> None:
        """Run what `listener` gives, as many jobs at a time as there is room for, until it gives none and none runs,
        or until it stops."""
        ...


class InlineExecutor:
    """One job after the other, in this process: for tests, debuggers, and machines without Ray."""

    def run(self, listener: Listener) -> None:
        while not listener.stopping and (job := listener.next_job()) is not None:
            self._run(job, listener)

    def _run(self, job: Job, listener: Listener) -> None:
        from sweep.execution.usage import threads

        listener.started(job)
        with threads(job.threads), closing(run_trial(job)) as reports:
            for report in reports:
                if not listener.reported(job, report) or listener.stopping:
                    return
