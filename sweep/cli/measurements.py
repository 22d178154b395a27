"""What the command line reads from the events of a run; all access to their fields is here."""

from model.task_specs import TASKS
from sweep.planning.plan import Point
from sweep.store.state import RunState, TrialState, find_result


def dev_loss(trial: TrialState, epoch: int) -> float:
    """Return the dev loss after `epoch`."""
    return float(trial.epochs[epoch]["losses"]["dev_loss"])


def train_seconds(trial: TrialState, epoch: int) -> float:
    """Return the seconds of training up to `epoch`."""
    return float(trial.epochs[epoch]["losses"]["train_seconds"])


def metric(state: RunState, point: Point) -> float | None:
    """Return the task's metric of a finished point, or None."""
    found = find_result(state, point)
    return None if found is None else float(found["metrics"][TASKS[point.train.task].metric])


def had_budget(state: RunState) -> bool:
    """Return whether the last session had a budget that may have ended it."""
    limits = state.sessions[-1].get("limits") or {}
    return limits.get("budget") is not None
