"""What a run has spent so far, computed from its ledger and compared with `--budget`."""

from collections.abc import Collection
from dataclasses import dataclass

from sweep.planning.config import Budget
from sweep.store.state import RunState
from sweep.store.status import Status


@dataclass(frozen=True)
class Spent:
    """What all sessions of a run have spent together."""

    seconds: float  # of wall-clock time
    trials: int  # trials that have started, baselines excluded
    gpu_hours: float  # hours of workers times GPUs per worker

    def over_budget(self, budget: Budget, *, now: bool) -> str | None:
        """Return why no further trial may start, or None if it may.

        With `now`, return why running trials must stop: a spent budget of trials lets them finish.
        """
        is_over = (
            (budget.seconds is not None and self.seconds >= budget.seconds)
            or (budget.gpu_hours is not None and self.gpu_hours >= budget.gpu_hours)
            or (budget.trials is not None and self.trials >= budget.trials and not now)
        )
        return f"the budget of {budget} is spent" if is_over else None


def spent(state: RunState, trials: Collection[str], elapsed: float, gpus_per_trial: float) -> Spent:
    """Return what a run has spent on `trials` (ids); `elapsed` is the seconds of the session in progress."""
    started = [trial for name, trial in state.trials.items() if trial.attempt > 0 and name in trials]
    running = [max(0.0, elapsed - trial.began) for trial in started if trial.status == Status.RUNNING]
    worked = sum(trial.seconds for trial in started) + sum(running)
    return Spent(
        seconds=sum(state.seconds[:-1]) + elapsed,
        trials=len(started),
        gpu_hours=worked * gpus_per_trial / 3600,
    )
