"""A driver in this process. The one place of these tests that knows how a driver and an executor meet."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sweep.driver import Driver, Outcome
from sweep.executor import InlineExecutor
from sweep.launch import Request, prepare
from sweep.run_folder import RunFolder
from sweep.trial import Job, TrialReport
from tests.sweep.test_driver import Silent


def new_run(space: Path, out: Path, *settings: str, name: str = "r") -> RunFolder:
    """A run that has not begun."""
    request = Request(space=str(space), out=out, name=name, settings=settings, executor="inline", use_cache=False)
    return prepare(request).folder()


def drive(folder: RunFolder, executor: Any = None, max_failures: int = 2) -> Outcome:
    """A session, by default with the in-process executor."""
    driver = Driver(folder, Silent(), use_cache=False, max_failures=max_failures)
    return driver.run(executor or InlineExecutor(), ["sweep"])


class Scripted:
    """Hands each job that it is given to a function."""

    def __init__(self, act: Callable[[Job, Any], None]) -> None:
        self.act = act

    def run(self, *arguments: Any) -> None:
        for job in jobs_of(*arguments):
            self.act(job, arguments[-1])


def jobs_of(*arguments: Any) -> Iterator[Job]:
    """The jobs that an executor's `run` is to do, one at a time, until the listener stops."""
    *given, listener = arguments
    if given:
        for job in given[0]:
            if listener.stopping:
                return
            yield job
    else:
        while not listener.stopping and (job := listener.next_job()) is not None:
            yield job


def tell(listener: Any, job: Job, report: TrialReport) -> None:
    listener.reported(job, report)
