"""The table of trials that progress views show: running ones first, then finished ones, the latest first."""

from collections.abc import Sequence

from rich.text import Text

from sweep.progress.state import ProgressState
from sweep.reporting.layout import Column, lay_out
from sweep.reporting.numbers import cell_format, plain_text
from sweep.reporting.terminal_table import COLOURS
from sweep.store.state import RunState
from sweep.store.status import Status

DROPPABLE = ("seconds",)


def trial_table(progress: ProgressState, state: RunState, count: int, width: int) -> list[Text]:
    """Return the lines of the table of at most `count` trials, in `width` characters; none before the first trial."""
    ids = _shown(progress, state, count)
    if not ids:
        return []
    return [*lay_out(_columns(progress, state, ids), DROPPABLE, 1, width).lines, Text()]


def _shown(progress: ProgressState, state: RunState, count: int) -> list[str]:
    """Return the ids of the trials to show."""
    started = [one for one in progress.trials if state.trial(one).status != Status.PENDING]
    running = [one for one in started if state.trial(one).status == Status.RUNNING]
    ended = sorted(set(started) - set(running), key=lambda one: (state.trial(one).ended_at or "", one))
    return [*running, *reversed(ended)][:count]


def _columns(progress: ProgressState, state: RunState, ids: list[str]) -> list[Column]:
    trials = [state.trial(one) for one in ids]
    planned = [progress.trials[one] for one in ids]
    epochs = [trial.known_epoch for trial in trials]
    status = [Text(trial.status, style=COLOURS.get(trial.status, "")) for trial in trials]
    losses = [trial.epochs[epoch].losses if epoch else None for trial, epoch in zip(trials, epochs, strict=True)]
    return [
        Column(name="status", cells=status, short_cells=status, is_left=True),
        *(_numbers(key, [trial.points[0].settings.get(key) for trial in planned]) for key in progress.keys),
        _texts("epoch", [f"{epoch}/{trial.epochs}" for epoch, trial in zip(epochs, planned, strict=True)]),
        _numbers("dev_loss", [one and one.dev_loss for one in losses]),
        *_scores(progress, state, ids),
        _texts("seconds", [plain_text(one and one.train_seconds, 0) for one in losses]),
    ]


def _scores(progress: ProgressState, state: RunState, ids: list[str]) -> list[Column]:
    """Return the column of the ranking metric, unless it is the dev loss, which has a column anyway."""
    name = progress.metric
    return [] if name == "dev_loss" else [_numbers(name, [progress.best_of(state, one) for one in ids])]


def _numbers(name: str, values: Sequence[object]) -> Column:
    whole, short = cell_format(name, values), cell_format(name, values, short=True)
    return Column(
        name=name, cells=[Text(whole(value)) for value in values], short_cells=[Text(short(value)) for value in values]
    )


def _texts(name: str, values: Sequence[str]) -> Column:
    cells = [Text(value) for value in values]
    return Column(name=name, cells=cells, short_cells=cells)
