"""Runs a driver in this process. Only this file knows the interface between driver and executor."""

import queue
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sweep.execution.driver import SessionResult
from sweep.execution.executor import InlineExecutor, Listener
from sweep.execution.job import Job
from sweep.execution.trial import TrialReport
from sweep.prepare import RunRequest, prepare
from sweep.store.failure import Failure
from sweep.store.run_folder import RunFolder
from sweep.testing import drive

PATIENCE = 30  # seconds for a driver's thread to answer


def new_run(space: Path, out: Path, *settings: str, name: str = "r") -> RunFolder:
    """A run that has not begun."""
    request = RunRequest(space=str(space), out=out, name=name, settings=settings, executor="inline", use_cache=False)
    return prepare(request).open_or_create()


def session(folder: RunFolder, executor: Any = None, max_failures: int = 2) -> SessionResult:
    """A session, by default with the in-process executor."""
    return drive(folder, executor or InlineExecutor(), max_failures=max_failures, use_cache=False)


def ask_to_stop(listener: Any) -> None:
    """What the first signal does; a thread other than the main one is sent none."""
    listener.interrupts.first = signal.SIGINT
    assert listener.stopping
    assert listener.next_job() is None


class Gone(BaseException):
    """The process of the driver is no more."""


class Puppet:
    """An executor that does, in the driver's thread, what it is told from another one: a session step by step."""

    def __init__(self, folder: RunFolder, max_failures: int) -> None:
        self.orders: queue.Queue[Callable[[Any], Any] | None] = queue.Queue()
        self.answers: queue.Queue[Any] = queue.Queue()
        self.thread = threading.Thread(target=self._session, args=(folder, max_failures))
        self.thread.start()
        self.working = self.answers.get(timeout=PATIENCE) == "ready"

    def _session(self, folder: RunFolder, max_failures: int) -> None:
        try:
            session(folder, self, max_failures)
            self.answers.put("done")
        except Gone:
            self.answers.put("gone")
        except BaseException as error:
            self.answers.put(error)

    def run(self, listener: Listener) -> None:
        self.answers.put("ready")
        while (order := self.orders.get(timeout=PATIENCE)) is not None:
            self.answers.put(order(listener))

    def _ask(self, order: Any) -> Any:
        self.orders.put(order)
        answer = self.answers.get(timeout=PATIENCE)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def take(self) -> Job | None:
        """A worker takes up the next job, if there is one."""

        def order(listener: Listener) -> Job | None:
            if (job := listener.next_job()) is not None:
                listener.started(job)
            return job

        return self._ask(order)  # type: ignore[no-any-return]

    def tell(self, job: Job, report: TrialReport) -> None:
        self._ask(lambda listener: listener.reported(job, report))

    def lose(self, job: Job, reason: str) -> None:
        self._ask(lambda listener: listener.lost(job, Failure.WORKER_LOST, reason))

    def stop(self) -> None:
        """A signal: the session ends in order."""
        self._ask(ask_to_stop)
        self.leave()

    def leave(self) -> None:
        """The executor returns: all is done."""
        assert self._ask(None) == "done"
        self.working = False
        self.thread.join(PATIENCE)

    def crash(self) -> None:
        """The process is gone in the middle of it."""

        def order(listener: Any) -> None:
            raise Gone

        assert self._ask(order) == "gone"
        self.working = False
        self.thread.join(PATIENCE)
