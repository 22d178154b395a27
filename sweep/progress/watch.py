"""Watch a run from another terminal: what trains, the best so far, the verdict so far. It only reads."""

import time

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from sweep.progress.live import MOST_ROWS, OTHER_LINES
from sweep.progress.state import ProgressState
from sweep.progress.trial_table import trial_table
from sweep.reporting.leaderboard import rows
from sweep.reporting.numbers import duration
from sweep.reporting.verdicts.follow_up_text import run_conclusions
from sweep.reporting.verdicts.study import Study
from sweep.store.activity import activity, is_locked, stamp
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, load_state
from sweep.store.status import Status


class Watch:
    """A view of a run that reads its ledger again whenever it has changed."""

    def __init__(self, folder: RunFolder, console: Console) -> None:
        self.folder = folder
        self.console = console
        self.progress = ProgressState(folder)
        self._seen: tuple[bool, float, int] | None = None
        self._view: RenderableType = Text("waiting for the first trial ...")

    def update(self) -> None:
        """Read the ledger if the run has changed. Raise LedgerError if it is damaged."""
        seen = stamp(self.folder)
        if seen != self._seen:
            self._seen = seen
            state = load_state(self.folder)
            self.progress.follow(state)
            self._view = Group(*self._lines(state))

    def __rich__(self) -> RenderableType:
        return self._view

    def _lines(self, state: RunState) -> list[Text]:
        count = max(3, min(MOST_ROWS, self.console.height - OTHER_LINES))
        ranked = rows(self.folder, state)
        verdict = run_conclusions(self.folder.spec, state, Study(ranked))
        so_far = "so far: " if is_locked(self.folder) else ""
        return [
            Text(self.progress.title, style="bold"),
            *trial_table(self.progress, state, count, self.console.width),
            *(Text(f"{so_far}{line}") for line in verdict),
            Text(self._clock(state)),
        ]

    def _clock(self, state: RunState) -> str:
        """Return how far the run is, and how long it still takes."""
        running = sum(trial.status is Status.RUNNING for trial in state.trials.values())
        parts = [
            f"{self.progress.finished(state):,} of {len(self.progress.trials):,} trials finished",
            f"{running} running",
            f"{duration(sum(state.seconds))} so far",
        ]
        left = self.progress.seconds_left(state)
        if left and is_locked(self.folder):
            about = "about" if self.folder.spec.tune_config.scheduler == "fifo" else "at most"
            parts.append(f"{about} {duration(left)} left")
        return ", ".join(parts)


def watch(folder: RunFolder, console: Console, interval: float) -> None:
    """Show the run until no process works on it any more. On a pipe, print it once.

    `interval` is the time between two looks, in seconds.
    """
    view = Watch(folder, console)
    view.update()
    if console.is_terminal:
        with Live(view, console=console, refresh_per_second=4, vertical_overflow="visible"):
            while is_locked(folder):
                time.sleep(interval)
                view.update()
    else:
        console.print(view, soft_wrap=True)
    console.print(f"now: {activity(folder, load_state(folder))}", markup=False, highlight=False)
