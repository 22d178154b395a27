"""Which trials continue: all of them (FIFO), or the best of each rung (ASHA).

ASHA: Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020, arXiv 1810.05934. Rungs lie at
`grace_period * reduction_factor^k` epochs. A decision depends only on the events of the ledger and their order, so a
resumed run decides like an uninterrupted one. (Ray's schedulers lose their state when the driver dies, and accept NaN
losses, so they are not used.)

    Stopping    A trial at a rung is stopped unless it is among the best 1/reduction_factor of those so far. No trial
                waits, but the first ones always continue. For many workers.
    Promotion   Every trial pauses at every rung. The best 1/reduction_factor of a rung continue once no trial is left
                to start. For few workers, where stopping would depend on which trial comes first. (The paper promotes
                as soon as a rung allows it, for an endless supply of trials. With a fixed set, waiting costs nothing
                and promotes no trial that a later one beats.)

Both start trials in the order of their ids, which are hashes: ASHA assumes a random order, and a grid is often sorted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sweep.planning.config import TuneConfig
from sweep.planning.plan import Trial
from sweep.store.state import RunState
from sweep.store.status import Status


class Scheduler(Protocol):
    """Decides which trials continue. A `value` is an objective: lower is better."""

    shuffles: bool  # whether trials start in the order of their ids rather than the space's
    promotes: bool  # whether a trial that was stopped at a rung may continue later

    def levels(self, trial: Trial) -> tuple[int, ...]:
        """Return the epochs at which `trial` is judged, in order."""
        ...

    def stops(self, state: RunState, trial: Trial, epoch: int, value: float) -> str | None:
        """Return why `trial` stops at `epoch`, or None if it continues. `state` does not hold that epoch yet."""
        ...

    def promote(self, state: RunState, drained: bool) -> Trial | None:
        """Return a stopped trial that continues, or None. `drained`: no other trial is left or running."""
        ...


class FIFO:
    """Runs every trial to its last epoch."""

    shuffles = False
    promotes = False

    def levels(self, trial: Trial) -> tuple[int, ...]:
        return ()

    def stops(self, state: RunState, trial: Trial, epoch: int, value: float) -> str | None:
        return None

    def promote(self, state: RunState, drained: bool) -> Trial | None:
        return None


@dataclass(frozen=True)
class Stopping:
    """ASHA that stops."""

    tune_config: TuneConfig
    trials: Mapping[str, Trial]  # by id, as they become known
    shuffles = True
    promotes = False

    def levels(self, trial: Trial) -> tuple[int, ...]:
        return levels(self.tune_config, trial.epochs)

    def stops(self, state: RunState, trial: Trial, epoch: int, value: float) -> str | None:
        if epoch not in self.levels(trial):
            return None
        others = [entry.value for entry in rung(state, self.tune_config, self.trials, comparison_group(trial), epoch)]
        values = sorted([*others, value])
        if value <= values[max(1, len(values) // self.tune_config.reduction_factor) - 1]:
            return None
        return f"asha: {values.index(value) + 1} of {len(values)} at the rung of epoch {epoch}"

    def promote(self, state: RunState, drained: bool) -> Trial | None:
        return None


@dataclass(frozen=True)
class Promotion:
    """ASHA that promotes."""

    tune_config: TuneConfig
    trials: Mapping[str, Trial]
    shuffles = True
    promotes = True

    def levels(self, trial: Trial) -> tuple[int, ...]:
        return levels(self.tune_config, trial.epochs)

    def stops(self, state: RunState, trial: Trial, epoch: int, value: float) -> str | None:
        return f"asha-promote: not promoted from the rung of epoch {epoch}" if epoch in self.levels(trial) else None

    def promote(self, state: RunState, drained: bool) -> Trial | None:
        """Return the best paused trial of the lowest rung that may promote one, or None.

        Rungs fill from below, so with one worker this is successive halving. If nothing else is left, the best paused
        trial of the highest rung continues, so that every search ends with a full training.
        """
        for key in dict.fromkeys(comparison_group(trial) for trial in self.trials.values()):
            members = [trial for trial in self.trials.values() if comparison_group(trial) == key]
            heights = sorted({level for trial in members for level in self.levels(trial)})
            for level in heights:
                entries = self._sorted(state, key, level)
                if waiting := _waiting(state, entries[: len(entries) // self.tune_config.reduction_factor], level):
                    return self.trials[waiting[0]]
            if drained and not any(state.trial(t.trial_id).status == Status.COMPLETED for t in members):
                for level in reversed(heights):
                    if waiting := _waiting(state, self._sorted(state, key, level), level):
                        return self.trials[waiting[0]]
        return None

    def _sorted(self, state: RunState, key: tuple[str, ...], level: int) -> "list[Entry]":
        return sorted(rung(state, self.tune_config, self.trials, key, level), key=lambda entry: entry.value)


@dataclass(frozen=True)
class Entry:
    """A trial at a rung. One that diverged before the rung has the value infinity: it comes last."""

    trial_id: str
    value: float


def levels(tune_config: TuneConfig, epochs: int) -> tuple[int, ...]:
    """Return the epochs of the rungs: grace_period * reduction_factor^k, at most `epochs` / reduction_factor."""
    found, level = [], tune_config.grace_period
    while level * tune_config.reduction_factor <= epochs:
        found.append(level)
        level *= tune_config.reduction_factor
    return tuple(found)


def comparison_group(trial: Trial) -> tuple[str, ...]:
    """Return what trials must have in common to be compared: task, data set and seed."""
    train = trial.points[0].train
    return train.task, train.data or "", str(train.seed)


def rung(
    state: RunState, tune_config: TuneConfig, trials: Mapping[str, Trial], key: tuple[str, ...], level: int
) -> list[Entry]:
    """Return the trials that reached epoch `level` in the order of the ledger, then those that diverged before it."""
    here = [trial_id for trial_id in state.reached.get(level, ()) if _races(trials, trial_id, key)]
    lost = [
        trial_id
        for trial_id, trial in state.trials.items()
        if trial.status == Status.DIVERGED and level not in trial.epochs and _races(trials, trial_id, key)
    ]
    return [Entry(trial_id, value_at(state, tune_config, trial_id, level)) for trial_id in here] + [
        Entry(trial_id, float("inf")) for trial_id in lost
    ]


def value_at(state: RunState, tune_config: TuneConfig, trial_id: str, epoch: int) -> float:
    """Return the objective of an epoch in the ledger: lower is better."""
    record = state.trial(trial_id).epochs[epoch]
    return objective(tune_config, record.losses.dev_loss, record.metric)


def objective(tune_config: TuneConfig, dev_loss: float, metric: float | None) -> float:
    """Return the value that is compared, lower is better: the dev loss, or the negative metric."""
    if tune_config.objective == "dev_loss":
        return dev_loss
    return float("inf") if metric is None else -metric


def ids(trials: Iterable[Trial]) -> dict[str, Trial]:
    """Return the trials by id."""
    return {trial.trial_id: trial for trial in trials}


def _waiting(state: RunState, entries: Iterable[Entry], level: int) -> list[str]:
    """Return the ids of those of `entries` that are paused at the rung `level`."""
    return [entry.trial_id for entry in entries if state.trial(entry.trial_id).rung == level]


def _races(trials: Mapping[str, Trial], trial_id: str, key: Sequence[str]) -> bool:
    return trial_id in trials and comparison_group(trials[trial_id]) == tuple(key)
