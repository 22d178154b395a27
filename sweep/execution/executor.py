"""The executor interface, and the executor that runs trials in this process. (ray_backend/ runs them on Ray.)"""

from contextlib import closing
from pathlib import Path
from typing import Protocol

from sweep.errors import InfrastructureError
from sweep.execution.job import Job
from sweep.execution.trial import TrialReport, run_trial
from sweep.store.failure import Failure


class Listener(Protocol):
    """The driver, as an executor sees it. An executor must call it from one thread only."""

    def next_job(self) -> Job | None:
        """Return the next job to start, or None if there is none before a running job ends."""
        ...

    def started(self, job: Job) -> None:
        """Note that a worker has started `job`."""
        ...

    def reported(self, job: Job, report: TrialReport) -> bool:
        """Handle the report of an epoch, the last one if `report.status` is set. Return whether the job continues."""
        ...

    def lost(self, job: Job, failure: Failure, reason: str) -> None:
        """Note that the worker of `job` ended without a last report."""
        ...

    def note(self, message: str) -> None:
        """Show a message to the user."""
        ...

    @property
    def stopping(self) -> bool:
        """Return whether to stop: start no more jobs, and return as soon as running trials can be resumed."""
        ...

    @property
    def folder(self) -> Path:
        """Return the folder of the run, which all workers must see."""
        ...

    @property
    def resume_command(self) -> str:
        """Return the command that resumes the run, for an executor that has to end the process."""
        ...


class Executor(Protocol):
    """Runs jobs and reports to a listener."""

    def run(self, listener: Listener) -> None:
        """Run the jobs of `listener`, in parallel if possible, until none is left or it asks to stop."""
        ...


class InlineExecutor:
    """Runs jobs one after another in this process: for tests, debuggers, and machines without Ray."""

    def run(self, listener: Listener) -> None:
        while not listener.stopping and (job := listener.next_job()) is not None:
            self._run(job, listener)

    def _run(self, job: Job, listener: Listener) -> None:
        from sweep.execution.usage import threads

        listener.started(job)
        with threads(job.threads), closing(run_trial(job)) as reports:
            for report in reports:
                continues = listener.reported(job, report)
                if report.breaks_worker:
                    raise InfrastructureError(f"{report.reason}. This process cannot use its GPU again: resume the run")
                if not continues or listener.stopping:
                    return
