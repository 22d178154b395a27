"""Which trainings go on: everything to its end (FIFO), or the best of each rung (ASHA).

ASHA: Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020, arXiv 1810.05934. Rungs lie at
`grace * reduction^k` epochs. A decision depends on nothing but what the ledger holds, in the order in which it holds
it, so that a resumed run decides as an uninterrupted one. (Ray's own schedulers forget their rungs with the driver,
and hand a loss that is no number through; hence none of them is used.)

    Stopping    a training that reaches a rung and is not among the best 1/reduction of those so far is stopped:
                no training waits, but the first ones always go on. For many workers.
    Promotion   a training stops at every rung, and the best 1/reduction of a rung go on once nothing is left to
                begin. (The paper promotes as soon as a rung allows it, for a set of trials that never ends. With a
                set that ends, waiting costs no worker a moment and promotes no training that a later one beats.)
                For few workers, where stopping depends on who comes first.

Both begin trainings in the order of their ids, which are hashes: a grid's own order is a ranking as often as not, and
ASHA takes trials for drawn at random.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sweep.planning.config import TuneConfig
from sweep.planning.plan import Trial
from sweep.store.state import RunState
from sweep.store.status import Status


class Scheduler(Protocol):
    """Decides on trainings. `value`s are objectives: lower is better."""

    shuffles: bool  # whether trials start in the order of their ids rather than the space's
    promotes: bool  # whether a trial that was stopped at a rung may continue later

    def levels(self, trial: Trial) -> tuple[int, ...]:
        """The epochs at which `trial` is judged, in order."""
        ...

    def stops(self, state: RunState, trial: Trial, epoch: int, value: float) -> str | None:
        """Why `trial` stops at `epoch`, or None where it goes on. `state` does not hold that epoch yet."""
        ...

    def promote(self, state: RunState, drained: bool) -> Trial | None:
        """A stopped training that goes on. `drained`: no other training is left, nor under way."""
        ...


class FIFO:
    """Every training to its end."""

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
        """The best of the lowest rung that has one to give: a rung fills before its best go on, so that one after the
        other this is successive halving. Where nothing else is left, the best of the highest rung at which one waits
        goes on, so that a search never ends without a full training."""
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


def make_scheduler(tune_config: TuneConfig, trials: Mapping[str, Trial]) -> Scheduler:
    """The scheduler that `tune_config` names, over `trials`: a mapping that may grow."""
    if tune_config.scheduler == "fifo":
        return FIFO()
    return (Stopping if tune_config.scheduler == "asha" else Promotion)(tune_config, trials)


@dataclass(frozen=True)
class Entry:
    """A training at a rung. A training that diverged before it stands there with infinity: last."""

    trial_id: str
    value: float


def levels(tune_config: TuneConfig, epochs: int) -> tuple[int, ...]:
    """Epochs of the rungs below `epochs`: grace * reduction^k, the last at most 1/reduction of the way."""
    found, level = [], tune_config.grace_period
    while level * tune_config.reduction_factor <= epochs:
        found.append(level)
        level *= tune_config.reduction_factor
    return tuple(found)


def comparison_group(trial: Trial) -> tuple[str, ...]:
    """Trainings with equal values here are compared with each other: of one task, data set and seed."""
    train = trial.points[0].train
    return train.task, train.data or "", str(train.seed)


def rung(
    state: RunState, tune_config: TuneConfig, trials: Mapping[str, Trial], key: tuple[str, ...], level: int
) -> list[Entry]:
    """What has reached epoch `level`, in the ledger's order; then what diverged on the way there."""
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
    """The objective that the ledger holds of an epoch: lower is better."""
    record = state.trial(trial_id).epochs[epoch]
    return objective(tune_config, record.losses.dev_loss, record.metric)


def objective(tune_config: TuneConfig, dev_loss: float, metric: float | None) -> float:
    """What is compared, lower is better: the dev loss, or the negative metric."""
    if tune_config.objective == "dev_loss":
        return dev_loss
    return float("inf") if metric is None else -metric


def ids(trials: Iterable[Trial]) -> dict[str, Trial]:
    """Trials by id."""
    return {trial.trial_id: trial for trial in trials}


def _waiting(state: RunState, entries: Iterable[Entry], level: int) -> list[str]:
    """Those of `entries` that stopped at the rung `level` and stand there still."""
    return [entry.trial_id for entry in entries if state.trial(entry.trial_id).rung == level]


def _races(trials: Mapping[str, Trial], trial_id: str, key: Sequence[str]) -> bool:
    return trial_id in trials and comparison_group(trials[trial_id]) == tuple(key)
