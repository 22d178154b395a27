"""Return results as pandas data frames."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from model.task_specs import TASKS
from sweep.planning.plan import Trial
from sweep.reporting.leaderboard import Row, samples_table, schema
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, full_plan, scored_epoch

if TYPE_CHECKING:
    import pandas as pd


def leaderboard_frame(rows: Sequence[Row]) -> "pd.DataFrame":
    """Return leaderboard rows as a data frame with the column types of leaderboard.parquet."""
    frame: pd.DataFrame = pa.Table.from_pylist(list(rows), schema=schema(rows)).to_pandas()
    return frame


def samples_frame(folder: RunFolder, state: RunState) -> "pd.DataFrame":
    """Return the samples of every scored point, one row per example."""
    frame: pd.DataFrame = samples_table(folder, state).to_pandas()
    return frame


def curves_frame(folder: RunFolder, state: RunState) -> "pd.DataFrame":
    """Return one row per trial and epoch, in plan order: losses, the task's main metric, seconds and settings.

    The metric is that of the trial's first point scored at the epoch, or the one measured for the scheduler.
    """
    import pandas as pd

    rows = [row for trial in full_plan(folder.spec, state).trials for row in trial_rows(state, trial)]
    return pd.DataFrame(rows, columns=None if rows else ["trial_id", "epoch", "train_loss", "dev_loss"])


def trial_rows(state: RunState, trial: Trial) -> list[dict[str, Any]]:
    """Return the losses, metric, seconds and settings of a trial at each of its epochs."""
    first = trial.points[0]
    metric = TASKS[first.train.task].metric
    settings = {
        key: value for key, value in first.settings.items() if key != "epochs" and not key.startswith("decode.")
    }
    known = state.trial(trial.trial_id)
    scored = {
        scored_epoch(known, point, found.epoch)[0]: found.score.metrics.get(metric)
        for point in reversed(trial.points)
        if (found := state.scores.get(point.point_id)) is not None
    }
    return [
        {
            "trial_id": trial.trial_id,
            "epoch": number,
            "train_loss": epoch.losses.train_loss,
            "dev_loss": epoch.losses.dev_loss,
            metric: scored.get(number, epoch.metric),
            "train_seconds": epoch.losses.train_seconds,
            **settings,
        }
        for number, epoch in sorted(known.epochs.items())
    ]
