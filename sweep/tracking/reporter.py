"""Log a run while it runs, each tracker in a thread of its own: one that is slow or broken does not hold up the run."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Thread

from sweep.reporting.reporter import ProgressReporter
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, load_state
from sweep.tracking.record import Record, records
from sweep.tracking.registry import Tracker, make_tracker

PATIENCE = 15.0  # seconds without progress after which the end of a session no longer waits for a tracker
BRIEFLY = 1.0  # seconds to wait after an error or a second Ctrl-C


class TrackerThread:
    """Passes records on to a tracker in the background. After its first error it takes no more."""

    def __init__(self, name: str, run: RunFolder) -> None:
        self.name = name
        self.run = run
        self.error: Exception | None = None
        self.handled = 0
        self.is_abandoned = False
        self._records: SimpleQueue[Record | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name=f"tracker {name}", daemon=True)
        self._thread.start()

    def put(self, found: Iterable[Record]) -> None:
        if self.error is None:
            for record in found:
                self._records.put(record)

    def finish(self) -> None:
        """Wait until everything is logged, as long as there is progress."""
        self._records.put(None)
        before = -1
        while self._thread.is_alive() and self.handled != before:
            before = self.handled
            self._thread.join(PATIENCE)
        if self._thread.is_alive() and self.error is None:
            self.error = TimeoutError(f"no progress for {PATIENCE:.0f} s")

    def abandon(self) -> None:
        """Drop what is not logged yet, and wait a moment for the record that is being logged."""
        self.is_abandoned = True
        self._records.put(None)
        self._thread.join(BRIEFLY)

    def _work(self) -> None:
        try:
            tracker: Tracker = make_tracker(self.name, self.run.path / self.name, self.run.name, live=True)
            while (record := self._records.get()) is not None and not self.is_abandoned:
                tracker.update(record)
                self.handled += 1
            tracker.close()
        except Exception as error:  # a tracker is code of others, and its server may be anywhere
            self.error = error


class TrackingReporter:
    """A progress reporter that passes everything on to another one, and to trackers."""

    def __init__(self, reporter: ProgressReporter, folder: RunFolder, names: Sequence[str]) -> None:
        self.reporter = reporter
        self.folder = folder
        self.threads = [TrackerThread(name, folder) for name in names]
        self._named: set[str] = set()  # trackers whose error was shown

    def changed(self, state: RunState, trial_id: str) -> None:
        found = list(records(self.folder, state, trial_id))
        for thread in self.threads:
            thread.put(found)
        self.reporter.changed(state, trial_id)
        self.show_errors()

    def note(self, message: str) -> None:
        self.reporter.note(message)

    def finish(self) -> None:
        """Log what the session did not report one by one, such as cached points, and wait for the trackers."""
        found = list(records(self.folder, load_state(self.folder)))
        for thread in self.threads:
            thread.put(found)
        for thread in self.threads:
            thread.finish()
        self.show_errors()

    def show_errors(self) -> None:
        """Name each tracker that failed, once."""
        for thread in self.threads:
            if thread.error is not None and thread.name not in self._named:
                self._named.add(thread.name)
                reason = str(thread.error).strip().partition("\n")[0] or type(thread.error).__name__
                self.reporter.note(
                    f"{thread.name} failed and is switched off: {reason}. The run continues; when it has ended, `sweep "
                    f"export {self.folder.name} --format {thread.name} --to DIR` logs all of it"
                )


@contextmanager
def tracked(reporter: ProgressReporter, folder: RunFolder, names: Sequence[str]) -> Iterator[ProgressReporter]:
    """Yield `reporter`, or one that also logs to the trackers `names`."""
    if not names:
        yield reporter
        return
    made = TrackingReporter(reporter, folder, names)
    try:
        yield made
    except BaseException:
        for thread in made.threads:
            thread.abandon()  # the next session logs what is missing
        raise
    made.finish()
