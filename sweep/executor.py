"""Executors: where trials run. One interface, two implementations: this process, or Ray's workers."""

from collections.abc import Sequence
from typing import Protocol

from sweep.trial import Job, TrialReport, run_trial


class Listener(Protocol):
    """The driver, as an executor sees it. Called from one thread only."""

    def started(self, job: Job) -> None:
        """A worker takes up `job`."""
        ...

    def reported(self, job: Job, report: TrialReport) -> None:
        """An epoch of `job` is done, or its last one when `report.status` is set."""
        ...

    def lost(self, job: Job, reason: str) -> None:
        """The worker of `job` is gone without a last report."""
        ...

    @property
    def stopping(self) -> bool:
        """Whether to stop: launch nothing more, and return once running trials are where they can resume."""
        ...


class Executor(Protocol):
    """Runs jobs and tells a listener."""

    def run(self, jobs: Sequence[Job], listener: Listener) -> None:
        """Run `jobs` in order, as many at a time as there is room for. Returns when all ended or the listener stops."""
        ...


class InlineExecutor:
    """One job after the other, in this process: for tests, debuggers, and machines without Ray."""

    def run(self, jobs: Sequence[Job], listener: Listener) -> None:
        from model.hardware import threads

        for job in jobs:
            if listener.stopping:
                return
            listener.started(job)
            with threads(job.threads):
                for report in run_trial(job):
                    listener.reported(job, report)
                    if listener.stopping and report.status is None:
                        return
