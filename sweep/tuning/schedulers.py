"""Schedulers: run every trial to its last epoch (FIFO), or continue only the best at each rung (ASHA).

ASHA: Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020, arXiv 1810.05934. Rungs lie at
`grace_period * reduction_factor^k` epochs. Decisions depend only on the ledger and the order of its lines, so a resumed
run decides like an uninterrupted one. (Ray's own schedulers are not used: they lose their state when the driver dies,
and accept NaN losses.)

    Stopping    Stop a trial that reaches a rung and is not among the best 1/reduction_factor of the trials there so
                far. No trial waits, but the first ones always continue. For many workers.
    Promotion   Pause every trial at a rung, and continue the best 1/reduction_factor of a rung when no trial is left
                to start. (The paper promotes as soon as a rung allows it, because its trials never run out. Ours do,
                so waiting leaves no worker idle, and no trial is promoted that a later one would beat.) For few
                workers, where stopping would depend on which trial comes first.

Both start trials in the order of their ids, which are hashes: the order of a grid often follows quality, but ASHA
assumes that trials come in random order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sweep.planning.config import TuneConfig
from sweep.planning.plan import Trial
from sweep.planning.sources import data_name
from sweep.store.state import RunState
from sweep.store.status import Status


class Scheduler(Protocol):
    """Decides which trials stop and which continue. Values are objectives: lower is better."""

    shuffles: bool  # whether trials start in the order of their ids rather than the space's
    promotes: bool  # whether a trial that was stopped at a rung may continue later

    def levels(self, trial: Trial) -> tuple[int, ...]:
        """Return the epochs at which `trial` is compared with others, in order."""
        ...

    def stops(self, state: RunState, trial: Trial, epoch: int, value: float) -> str | None:
        """Return why `trial` stops at `epoch`, or None if it continues. `state` does not hold that epoch yet."""
        ...

    def promote(self, state: RunState, idle: bool) -> Trial | None:
        """Return a stopped trial to continue, or None.

        `idle` is True if no other trial is running or left to start.
        """
        ...


class FIFO:
    """Runs every trial to its last epoch."""

    shuffles = False
    promotes = False

    def levels(self, trial: Trial) -> tuple[int, ...]:
        return ()

    def stops(self, state: RunState, trial: Trial, epoch: int, value: float) -> str | None:
        return None

    def promote(self, state: RunState, idle: bool) -> Trial | None:
        return None


@dataclass(frozen=True)
class Stopping:
    """ASHA that stops the worse trials at each rung."""

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

    def promote(self, state: RunState, idle: bool) -> Trial | None:
        return None


@dataclass(frozen=True)
class Promotion:
    """ASHA that pauses every trial at a rung and promotes the best."""

    tune_config: TuneConfig
    trials: Mapping[str, Trial]
    shuffles = True
    promotes = True

    def levels(self, trial: Trial) -> tuple[int, ...]:
        return levels(self.tune_config, trial.epochs)

    def stops(self, state: RunState, trial: Trial, epoch: int, value: float) -> str | None:
        return f"asha-promote: not promoted from the rung of epoch {epoch}" if epoch in self.levels(trial) else None

    def promote(self, state: RunState, idle: bool) -> Trial | None:
        """Return the best trial of the lowest rung at which one is due for promotion, or None.

        A rung fills before its best trials continue, so with one worker this is successive halving. If `idle` and no
        trial of a group is complete, promote the best trial of its highest occupied rung, so that a search never ends
        without a complete trial.
        """
        for key in dict.fromkeys(comparison_group(trial) for trial in self.trials.values()):
            members = [trial for trial in self.trials.values() if comparison_group(trial) == key]
            heights = sorted({level for trial in members for level in self.levels(trial)})
            for level in heights:
                entries = self._sorted(state, key, level)
                if waiting := _waiting(state, entries[: len(entries) // self.tune_config.reduction_factor], level):
                    return self.trials[waiting[0]]
            if idle and not any(state.trial(t.trial_id).status == Status.COMPLETED for t in members):
                for level in reversed(heights):
                    if waiting := _waiting(state, self._sorted(state, key, level), level):
                        return self.trials[waiting[0]]
        return None

    def _sorted(self, state: RunState, key: tuple[str, ...], level: int) -> "list[Entry]":
        return sorted(rung(state, self.tune_config, self.trials, key, level), key=lambda entry: entry.value)


@dataclass(frozen=True)
class Entry:
    """A trial at a rung. A trial that diverged before the rung has the value infinity, so it comes last."""

    trial_id: str
    value: float


def levels(tune_config: TuneConfig, epochs: int) -> tuple[int, ...]:
    """Return the epochs of the rungs: grace_period * reduction_factor^k, up to `epochs` / reduction_factor."""
    found, level = [], tune_config.grace_period
    while level * tune_config.reduction_factor <= epochs:
        found.append(level)
        level *= tune_config.reduction_factor
    return tuple(found)


def comparison_group(trial: Trial) -> tuple[str, ...]:
    """Return task, data, base and seed: a rung compares only trials that have them in common.

    Losses per token are not comparable between vocabularies, because a token holds more or less text.
    """
    train = trial.points[0].train
    return data_name(trial.points[0]), train.base, str(train.seed)


def rung(
    state: RunState, tune_config: TuneConfig, trials: Mapping[str, Trial], key: tuple[str, ...], level: int
) -> list[Entry]:
    """Return the trials of group `key` that reached epoch `level`, in ledger order, then those that diverged first."""
    reached = [trial_id for trial_id in state.reached.get(level, ()) if _is_in_group(trials, trial_id, key)]
    diverged = [
        trial_id
        for trial_id, trial in state.trials.items()
        if trial.status == Status.DIVERGED and level not in trial.epochs and _is_in_group(trials, trial_id, key)
    ]
    return [Entry(trial_id, value_at(state, tune_config, trial_id, level)) for trial_id in reached] + [
        Entry(trial_id, float("inf")) for trial_id in diverged
    ]


def value_at(state: RunState, tune_config: TuneConfig, trial_id: str, epoch: int) -> float:
    """Return the objective of a trial at `epoch` according to the ledger; lower is better."""
    record = state.trial(trial_id).epochs[epoch]
    return objective(tune_config, record.losses.dev_loss, record.metric)


def objective(tune_config: TuneConfig, dev_loss: float, metric: float | None) -> float:
    """Return the value to compare: the dev loss or the negative metric; lower is better."""
    if tune_config.objective == "dev_loss":
        return dev_loss
    return float("inf") if metric is None else -metric


def ids(trials: Iterable[Trial]) -> dict[str, Trial]:
    """Return `trials` by id."""
    return {trial.trial_id: trial for trial in trials}


def _waiting(state: RunState, entries: Iterable[Entry], level: int) -> list[str]:
    """Return the ids of those `entries` that are paused at the rung `level`."""
    return [entry.trial_id for entry in entries if state.trial(entry.trial_id).rung == level]


def _is_in_group(trials: Mapping[str, Trial], trial_id: str, key: Sequence[str]) -> bool:
    return trial_id in trials and comparison_group(trials[trial_id]) == tuple(key)
