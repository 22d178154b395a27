"""The files of a run folder that are derived from the ledger: the leaderboard and the samples."""

import logging
import time
from collections.abc import Callable

from sweep.reporting.leaderboard import Row, rows, write_leaderboard
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState

log = logging.getLogger(__name__)
MIN_SECONDS = 5.0  # between two rewrites while a run is in progress


class DerivedFiles:
    """Keeps `leaderboard.parquet` and `samples.parquet` of a run up to date while a session works on it."""

    def __init__(self, folder: RunFolder, note: Callable[[str], None]) -> None:
        """`note` shows a message to the user."""
        self.folder = folder
        self.rows: list[Row] = []  # as last written
        self._note = note
        self._written_at = 0.0  # on the monotonic clock

    @property
    def is_due(self) -> bool:
        """Whether the files were last written long enough ago."""
        return time.monotonic() - self._written_at > MIN_SECONDS

    def update(self, state: RunState) -> None:
        """Write both files. They can always be derived again, so a full disk only costs a message."""
        self.rows = rows(self.folder, state)
        try:
            write_leaderboard(self.folder, state, self.rows)
        except OSError as error:
            log.warning("cannot write the leaderboard: %s", error)
            self._note(f"cannot write the leaderboard: {error}")
        self._written_at = time.monotonic()
