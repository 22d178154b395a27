"""Append events to a run's ledger and keep the state that they add up to."""

import logging
import time

from sweep.errors import InfrastructureError
from sweep.store.events import Event, StatusEvent
from sweep.store.ledger import Ledger
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, fold
from sweep.store.status import Status

log = logging.getLogger(__name__)


class Recorder:
    """The only writer of a run's ledger, for one session. The caller holds the run folder's lock."""

    def __init__(self, folder: RunFolder, ledger: Ledger) -> None:
        self.folder = folder
        self.ledger = ledger
        self.state: RunState = fold(ledger.found)
        self.broken: OSError | None = None  # the error after which nothing more is recorded
        self.began = time.monotonic()

    def elapsed(self) -> float:
        """Return the seconds since the session began, by the monotonic clock."""
        return time.monotonic() - self.began

    def record(self, event: Event) -> None:
        """Append `event`, stamped with the session's clock, and apply it to the state.

        If the disk fails, record nothing more; the session then stops (see `check_disk`). Raising here would not help,
        because executors swallow or alter exceptions from their callbacks.
        """
        if self.broken is not None:
            return
        try:
            self.state.apply(self.ledger.append(event, elapsed=round(self.elapsed(), 3)))
        except OSError as error:
            self.broken = error
            log.error("cannot write to the ledger: %s", error)

    def check_disk(self) -> None:
        """Raise InfrastructureError if an event could not be written."""
        if self.broken is not None:
            raise InfrastructureError(
                f"cannot write to {self.folder.path}: {self.broken}. Nothing recorded is lost; free some disk space"
            ) from self.broken

    def interrupt_running(self, reason: str) -> None:
        """Record every RUNNING trial as INTERRUPTED."""
        for trial_id, trial in list(self.state.trials.items()):
            if trial.status == Status.RUNNING:
                log.info("trial %s interrupted: %s", trial_id, reason)
                self.record(
                    StatusEvent(trial_id=trial_id, attempt=trial.attempt, status=Status.INTERRUPTED, reason=reason)
                )

    def trial_seconds(self, trial_id: str) -> float:
        """Return the seconds that workers have spent on a trial, including the attempt in progress."""
        trial = self.state.trial(trial_id)
        running = self.elapsed() - trial.began if trial.status == Status.RUNNING else 0.0
        return trial.seconds + max(0.0, running)

    def keep_traceback(self, trial_id: str, attempt: int, text: str) -> None:
        """Write a traceback to the run's logs. Raise OSError if that fails; the ledger holds its last line anyway."""
        self.folder.logs.mkdir(exist_ok=True)
        (self.folder.logs / f"{trial_id}-{attempt}.txt").write_text(text, encoding="utf-8")
