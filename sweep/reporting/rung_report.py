"""Would early stopping have kept the winner? Compare the ranking at each rung with the ranking at the end.

Only trials that ran to the end count, so the report needs a full grid: a search does not know how the trials that it
stopped would have ended. The table shows what ASHA would have lost, and from which epoch on a ranking can be trusted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweep.planning.config import TuneConfig
from sweep.planning.plan import Trial
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, find_result, full_plan
from sweep.tuning.schedulers import comparison_group, ids, levels

if TYPE_CHECKING:
    from sweep.statistics.agreement import Agreement


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One rung of one comparison group (same task, data, base and seed), judged by the dev loss."""

    group: str
    epoch: int
    reached: int  # trials that reached the rung
    stopped: int  # of these, the trials that a scheduler stopped at this rung
    known: int  # of those that reached it, the trials that ran to the end; the columns below count only these
    agreement: float | None  # Kendall's tau-b between the dev loss at the rung and at the end
    agreement_low: float | None  # its 95 % interval, by the bootstrap over trials
    agreement_high: float | None
    kept: float | None  # share of the best 1/reduction_factor at the end that are also among the best at the rung
    winner: bool | None  # whether the best trial at the end is among the best 1/reduction_factor at the rung
    regret: float | None  # final dev loss of the best at the rung less that of the best at the end


def rungs(folder: RunFolder, state: RunState) -> list[Rung]:
    """Return every rung of a run, group by group. For a run without rungs, use those that ASHA would have."""
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
    at_rung = {name: _loss(state, name, level) for name in state.reached.get(level, ()) if name in members}
    both = [name for name in at_rung if name in ends]
    count = max(1, len(both) // tune_config.reduction_factor)
    best_at_rung, best_at_end = (set(sorted(both, key=by.__getitem__)[:count]) for by in (at_rung, ends))
    is_comparable = len(both) > 1
    found = _agreement([at_rung[name] for name in both], [ends[name] for name in both])
    return Rung(
        group=" ".join(part for part in (*key[:-1], f"seed {key[-1]}") if part),
        epoch=level,
        reached=len(at_rung),
        stopped=sum(state.trial(name).rung == level for name in at_rung),
        known=len(both),
        agreement=found.tau if found else None,
        agreement_low=found.low if found else None,
        agreement_high=found.high if found else None,
        kept=len(best_at_rung & best_at_end) / count if is_comparable else None,
        winner=min(both, key=ends.__getitem__) in best_at_rung if is_comparable else None,
        regret=found.regret if found else None,
    )


def _end(state: RunState, trial: Trial) -> float | None:
    """Return the dev loss of a trial's last point, or None if it did not get that far."""
    last = max(trial.points, key=lambda point: point.epochs)
    result = find_result(state, last)
    return None if result is None else result.losses.dev_loss


def _loss(state: RunState, trial_id: str, epoch: int) -> float:
    return state.trial(trial_id).epochs[epoch].losses.dev_loss


def _agreement(at_rung: Sequence[float], at_end: Sequence[float]) -> "Agreement | None":
    """Return how the orders at the rung and at the end agree; None if trials are too few, or all equal."""
    from sweep.statistics.agreement import agreement
    from sweep.statistics.errors import StatisticsError

    try:
        return agreement(at_rung, at_end)
    except StatisticsError:
        return None
