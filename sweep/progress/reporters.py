"""Report the progress of a run: a live table on a terminal, one line per change elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from sweep.progress.live import live_reporter
from sweep.progress.state import ProgressState
from sweep.reporting.numbers import decimals, plain_text
from sweep.reporting.reporter import ProgressReporter
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState


class LineReporter:
    """One line per change, for logs and pipes."""

    def __init__(self, folder: RunFolder, console: Console) -> None:
        self.progress = ProgressState(folder)
        self.console = console

    def changed(self, state: RunState, trial_id: str) -> None:
        progress, trial = self.progress, state.trial(trial_id)
        progress.follow(state)
        words = [f"{progress.finished(state)}/{len(progress.trials)}", trial_id, trial.status, progress.label(trial_id)]
        epoch = trial.known_epoch
        if trial_id in progress.trials and epoch:
            words.append(f"epoch {epoch}/{progress.trials[trial_id].epochs}")
            words.append(f"dev_loss {plain_text(trial.epochs[epoch].losses.dev_loss, 4)}")
        best = progress.best_of(state, trial_id)
        if best is not None and (name := progress.metric_of(trial_id)) != "dev_loss":
            words.append(f"{name} {plain_text(best, decimals(name, [best]))}")
        if trial.reason:
            words.append(f"({trial.reason})")
        self.note("  ".join(word for word in words if word))

    def note(self, message: str) -> None:
        text = f"{time.strftime('%H:%M:%S')}  {message}"
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress_reporter(folder: RunFolder, console: Console, executor: str) -> Iterator[ProgressReporter]:
    """Yield the reporter that suits `console`: a live table on a terminal, lines elsewhere."""
    if not console.is_terminal:
        yield LineReporter(folder, console)
        return
    with live_reporter(folder, console, executor) as reporter:
        yield reporter
