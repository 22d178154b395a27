"""The live progress table on a terminal. It redraws itself, and stays on the screen when the run ends."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from sweep.progress.state import ProgressState
from sweep.reporting.layout import Column, lay_out
from sweep.reporting.numbers import cell_format, duration, plain_text
from sweep.reporting.terminal_table import COLOURS
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState
from sweep.store.status import Status

MOST_ROWS = 20
OTHER_LINES = 10  # title, header and footer, with the blank lines between
DROPPABLE = ("seconds",)
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
        ids = self._shown(state, max(3, min(MOST_ROWS, self.console.height - OTHER_LINES)))
        if not ids:
            return []
        columns = self._columns(state, ids)
        return [*lay_out(columns, DROPPABLE, 1, self.console.width).lines, Text()]

    def _shown(self, state: RunState, count: int) -> list[str]:
        """Return the ids of the trials to show: running ones, then ended ones, the latest first."""
        started = [one for one in self.progress.trials if state.trial(one).status != Status.PENDING]
        running = [one for one in started if state.trial(one).status == Status.RUNNING]
        ended = sorted(set(started) - set(running), key=lambda one: (state.trial(one).ended_at or "", one))
        return [*running, *reversed(ended)][:count]

    def _columns(self, state: RunState, ids: list[str]) -> list[Column]:
        trials = [state.trial(one) for one in ids]
        planned = [self.progress.trials[one] for one in ids]
        epochs = [trial.known_epoch for trial in trials]
        status = [Text(trial.status, style=COLOURS.get(trial.status, "")) for trial in trials]
        losses = [trial.epochs[epoch].losses if epoch else None for trial, epoch in zip(trials, epochs, strict=True)]
        return [
            Column(name="status", cells=status, short_cells=status, is_left=True),
            *(_numbers(key, [trial.points[0].settings.get(key) for trial in planned]) for key in self.progress.keys),
            _texts("epoch", [f"{epoch}/{trial.epochs}" for epoch, trial in zip(epochs, planned, strict=True)]),
            _numbers("dev_loss", [one and one.dev_loss for one in losses]),
            *self._scores(state, ids),
            _texts("seconds", [plain_text(one and one.train_seconds, 0) for one in losses]),
        ]

    def _scores(self, state: RunState, ids: list[str]) -> list[Column]:
        """Return the column of the ranking metric, unless it is the dev loss, which has a column anyway."""
        name = self.progress.metric
        return [] if name == "dev_loss" else [_numbers(name, [self.progress.best_of(state, one) for one in ids])]


@contextmanager
def live_reporter(folder: RunFolder, console: Console, executor: str) -> Iterator[LiveReporter]:
    """Yield a reporter with a live table on the terminal; the final table stays there."""
    reporter = LiveReporter(folder, console, executor)
    with Live(reporter, console=console, refresh_per_second=4, vertical_overflow="visible"):
        try:
            yield reporter
        finally:
            reporter.draw()


def _numbers(name: str, values: Sequence[object]) -> Column:
    whole, short = cell_format(name, values), cell_format(name, values, short=True)
    return Column(
        name=name, cells=[Text(whole(value)) for value in values], short_cells=[Text(short(value)) for value in values]
    )


def _texts(name: str, values: Sequence[str]) -> Column:
    cells = [Text(value) for value in values]
    return Column(name=name, cells=cells, short_cells=cells)
