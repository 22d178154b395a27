"""Time to target: epochs and seconds until a trial's dev loss first reached a given value."""

from collections.abc import Sequence

from sweep.reporting.leaderboard import Row
from sweep.store.state import RunState

COLUMNS = ("epochs_to_reach", "seconds_to_reach")


def with_reach(rows: Sequence[Row], state: RunState, dev_loss: float) -> list[Row]:
    """Return `rows` with both columns; None if the trial did not reach the target, or came from an earlier run."""
    return [{**row, **_reach(state, row, dev_loss)} for row in rows]


def _reach(state: RunState, row: Row, dev_loss: float) -> Row:
    trial = state.trial(row["trial_id"])
    for number, epoch in sorted(trial.epochs.items()):
        if number > row["epochs_budget"]:  # the trial ran longer for other rows
            break
        if epoch.losses.dev_loss <= dev_loss:
            return dict(zip(COLUMNS, (number, epoch.losses.train_seconds), strict=True))
    return dict.fromkeys(COLUMNS)
