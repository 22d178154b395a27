"""Write the files of a run folder that are derived from the ledger: the leaderboard and the samples."""

import logging
import time
from collections.abc import Callable

from sweep.reporting.leaderboard import Row, rows, write_leaderboard
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState

log = logging.getLogger(__name__)
MIN_SECONDS = 5.0  # the least time between two updates during a run


class DerivedFiles:
    """Keeps `leaderboard.parquet` and `samples.parquet` of a run up to date during a session."""

    def __init__(self, folder: RunFolder, note: Callable[[str], None]) -> None:
        """`note` is a function that shows a message to the user."""
        self.folder = folder
        self.rows: list[Row] = []  # as last written
        self._note = note
        self._written_at = 0.0  # by the monotonic clock

    @property
    def is_due(self) -> bool:
        """Return whether the last update was more than MIN_SECONDS ago."""
        return time.monotonic() - self._written_at > MIN_SECONDS

    def update(self, state: RunState) -> None:
        """Write both files. If the disk is full, only show a message, because they can always be derived again."""
        self.rows = rows(self.folder, state)
        try:
            write_leaderboard(self.folder, state, self.rows)
        except OSError as error:
            log.warning("cannot write the leaderboard: %s", error)
            self._note(f"cannot write the leaderboard: {error}")
        self._written_at = time.monotonic()
