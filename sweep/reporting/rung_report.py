"""Did the rungs judge well? What each rung said, against the end, wherever both are known.

A search cannot know what became of the trainings that it stopped. A full grid knows it of all: its table tells what
ASHA would have lost on that space, and from which epoch on a ranking can be trusted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweep.planning.config import TuneConfig
from sweep.planning.plan import Trial
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, find_result, full_plan
from sweep.tuning.schedulers import comparison_group, ids, levels


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One rung of one race (trainings of one task, data set and seed), judged by the dev loss."""

    race: str
    epoch: int
    reached: int  # trainings
    stopped: int  # of these, by a scheduler at this rung
    known: int  # of these, trained to the end: the figures below are of them
    agreement: float | None  # Spearman's rank correlation of the dev loss here with the dev loss at the end
    kept: float | None  # share of the best 1/reduction at the end that are among the best 1/reduction here
    winner: bool | None  # whether the best at the end is among the best 1/reduction here


def rungs(folder: RunFolder, state: RunState) -> list[Rung]:
    """Every rung of a run, race by race. A run without a scheduler is judged by the rungs that ASHA would have."""
    tune_config = folder.spec.tune_config
    trials = ids(full_plan(folder.spec, state).trials)
    found = []
    for key in dict.fromkeys(comparison_group(trial) for trial in trials.values()):
        members = {name: trial for name, trial in trials.items() if comparison_group(trial) == key}
        ends = {name: end for name, trial in members.items() if (end := _end(state, trial)) is not None}
        heights = {level for trial in members.values() for level in levels(tune_config, trial.epochs)}
        found += [_rung(state, tune_config, key, level, members, ends) for level in sorted(heights)]
    return found


def _rung(
    state: RunState,
    tune_config: TuneConfig,
    key: Sequence[str],
    level: int,
    members: Mapping[str, Trial],
    ends: Mapping[str, float],
) -> Rung:
    here = {n: _loss(state, n, level) for n in state.reached.get(level, ()) if n in members}
    both = [name for name in here if name in ends]
    count = max(1, len(both) // tune_config.reduction_factor)
    best_here, best_end = (set(sorted(both, key=by.__getitem__)[:count]) for by in (here, ends))
    told = len(both) > 1
    return Rung(
        race=" ".join(part for part in (*key[:-1], f"seed {key[-1]}") if part),
        epoch=level,
        reached=len(here),
        stopped=sum(state.trial(name).rung == level for name in here),
        known=len(both),
        agreement=_spearman([here[n] for n in both], [ends[n] for n in both]) if told else None,
        kept=len(best_here & best_end) / count if told else None,
        winner=min(both, key=ends.__getitem__) in best_here if told else None,
    )


def _end(state: RunState, trial: Trial) -> float | None:
    """The dev loss of a training's last point, if it ran that far."""
    last = max(trial.points, key=lambda point: point.epochs)
    result = find_result(state, last)
    return None if result is None else result.losses.dev_loss


def _loss(state: RunState, trial_id: str, epoch: int) -> float:
    return state.trial(trial_id).epochs[epoch].losses.dev_loss


def _spearman(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Rank correlation: -1 to 1; None where all values of one side are equal."""
    import numpy as np
    import pandas as pd

    correlation = float(pd.Series(one).rank().corr(pd.Series(other).rank()))
    return None if np.isnan(correlation) else correlation
