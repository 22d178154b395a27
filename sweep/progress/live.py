"""The live progress table on a terminal. It redraws itself, and stays on the screen when the run ends."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from sweep.progress.state import ProgressState
from sweep.progress.trial_table import trial_table
from sweep.reporting.numbers import duration
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState

MOST_ROWS = 20
OTHER_LINES = 10  # title, header and footer, with the blank lines between
REDRAW_SECONDS = 0.2  # the least time between two redraws; a large run changes faster than people read


class LiveReporter:
    """A table of trials: running ones first, then finished ones, the latest first."""

    def __init__(self, folder: RunFolder, console: Console, executor: str) -> None:
        self.progress = ProgressState(folder)
        self.console = console
        self.started = time.monotonic()
        self._state: RunState | None = None
        self._drawn_at = -math.inf  # by the monotonic clock
        self._ends_at: float | None = None  # estimated end, by the monotonic clock
        self._counts = "starting Ray ..." if executor == "ray" else "starting ..."
        self._body: RenderableType = Text()

    def changed(self, state: RunState, trial_id: str) -> None:
        self._state = state
        if time.monotonic() - self._drawn_at > REDRAW_SECONDS:
            self.draw()

    def draw(self) -> None:
        """Update the table to the last change."""
        state, progress = self._state, self.progress
        if state is None:
            return
        self._drawn_at = time.monotonic()
        progress.follow(state)
        left = progress.seconds_left(state)
        self._ends_at = None if not left else time.monotonic() + left
        cached = f", {len(state.cached):,} points from the cache" if state.cached else ""
        self._counts = f"{progress.finished(state):,} of {len(progress.trials):,} trials finished{cached}"
        self._body = Group(*self._table(state), *map(Text, progress.best_lines(state)))

    def note(self, message: str) -> None:
        self.console.print(message, markup=False, highlight=False)

    def __rich__(self) -> RenderableType:
        """Return what the terminal shows now."""
        return Group(Text(self.progress.title, style="bold"), self._body, Text(self._clock()))

    def _clock(self) -> str:
        now = time.monotonic()
        text = f"{self._counts}, {duration(now - self.started)} so far"
        if self._ends_at is None or self._ends_at < now:
            return text
        about = "about" if self.progress.spec.tune_config.scheduler == "fifo" else "at most"
        return f"{text}, {about} {duration(self._ends_at - now)} left"

    def _table(self, state: RunState) -> list[Text]:
        """Return the lines of the table, as many as the terminal has room for."""
        count = max(3, min(MOST_ROWS, self.console.height - OTHER_LINES))
        return trial_table(self.progress, state, count, self.console.width)


@contextmanager
def live_reporter(folder: RunFolder, console: Console, executor: str) -> Iterator[LiveReporter]:
    """Yield a reporter with a live table on the terminal; the final table stays there."""
    reporter = LiveReporter(folder, console, executor)
    with Live(reporter, console=console, refresh_per_second=4, vertical_overflow="visible"):
        try:
            yield reporter
        finally:
            reporter.draw()
