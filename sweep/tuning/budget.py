"""What a run has spent, from its ledger: the measure of `--budget`."""

from collections.abc import Collection
from dataclasses import dataclass

from sweep.planning.config import Budget
from sweep.store.state import RunState
from sweep.store.status import Status


@dataclass(frozen=True)
class Spent:
    """All sessions of a run together."""

    seconds: float  # of work, by the clock on the wall
    trials: int  # trainings that were begun
    gpu_hours: float  # of workers times their GPUs

    def beyond(self, budget: Budget, *, now: bool) -> str | None:
        """Why no trial may be begun any more. `now`: why begun ones stop, which a budget of trials lets end."""
        over = (
            (budget.seconds is not None and self.seconds >= budget.seconds)
            or (budget.gpu_hours is not None and self.gpu_hours >= budget.gpu_hours)
            or (budget.trials is not None and self.trials >= budget.trials and not now)
        )
        return f"the budget of {budget} is spent" if over else None


def spent(state: RunState, trainings: Collection[str], elapsed: float, gpus_per_trial: float) -> Spent:
    """What a run has spent; `elapsed`: seconds of the session in progress, its state's last one."""
    begun = [trial for name, trial in state.trials.items() if trial.attempt > 0 and name in trainings]
    running = [max(0.0, elapsed - trial.began) for trial in begun if trial.status == Status.RUNNING]
    worked = sum(trial.seconds for trial in begun) + sum(running)
    return Spent(
        seconds=sum(state.seconds[:-1]) + elapsed,
        trials=len(begun),
        gpu_hours=worked * gpus_per_trial / 3600,
    )
