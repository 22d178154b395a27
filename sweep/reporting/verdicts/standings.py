"""Rank the settings of a run by their mean over seeds, and tell which cannot be told from the best."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweep.reporting.leaderboard import larger_is_better
from sweep.reporting.verdicts.groups import Group, Summary, matrix
from sweep.statistics.errors import StatisticsError
from sweep.statistics.families import holm
from sweep.statistics.luck import LuckLine, luck_line
from sweep.statistics.paired import paired_effect
from sweep.statistics.tied import tied_with_best


@dataclass(frozen=True, kw_only=True)
class ToBest:
    """A setting less the best one over their common seeds, in the metric's unit."""

    n: int
    mean: float
    low: float
    high: float
    p: float
    adjusted: float  # p after Holm over all settings of the table


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The place of one setting."""

    group: Group
    rank: int | None  # None without a score
    summary: Summary
    tied: bool | None  # whether it may be the best; None if seeds are too few to tell
    to_best: ToBest | None  # None for the best one, and below 2 common seeds


@dataclass(frozen=True, kw_only=True)
class Standings:
    """Comparable settings, the best first, and what luck alone would do."""

    metric: str
    settings: tuple[Standing, ...]
    luck: LuckLine | None
    luck_refused: str | None  # why there is no luck line
    left_out: int  # settings that the luck line leaves out, since they miss a seed

    @property
    def best(self) -> Standing | None:
        return self.settings[0] if self.settings and self.settings[0].rank else None

    @property
    def seeds(self) -> int:
        """Return the largest number of seeds of a setting."""
        return max((one.summary.n for one in self.settings), default=0)


def standings(groups: Sequence[Group], metric: str) -> Standings:
    """Return the standings of comparable `groups` by `metric`. Settings that lost seeds rank by the others."""
    sign = 1.0 if larger_is_better(metric) else -1.0
    summaries = {group.setting_id: group.summary(metric) for group in groups}

    def order(group: Group) -> tuple[bool, float, str]:
        mean = summaries[group.setting_id].mean
        return mean is None, -sign * (mean or 0.0), group.setting_id

    ordered = sorted(groups, key=order)
    scored = [group for group in ordered if summaries[group.setting_id].mean is not None]
    scores = matrix([group.scores(metric) for group in scored], metric) if scored else np.empty((0, 0))
    tied = _tied(scores)
    to_best = _to_best(scores, sign)
    line, refused, left_out = _luck(scores)
    return Standings(
        metric=metric,
        settings=tuple(
            Standing(
                group=group,
                rank=place + 1 if place < len(scored) else None,
                summary=summaries[group.setting_id],
                tied=tied[place] if place < len(scored) else None,
                to_best=to_best[place] if place < len(scored) else None,
            )
            for place, group in enumerate(ordered)
        ),
        luck=line,
        luck_refused=refused,
        left_out=left_out,
    )


def _tied(scores: NDArray[np.float64]) -> list[bool | None]:
    """Return which settings may be the best; None for all if there are too few seeds."""
    try:
        return [bool(one) for one in tied_with_best(scores)]
    except StatisticsError:
        return [None] * len(scores)


def _to_best(scores: NDArray[np.float64], sign: float) -> list[ToBest | None]:
    differences = [row - scores[0] for row in scores]
    known = [d[~np.isnan(d)] for d in differences]
    effects = [paired_effect(d) if place and len(d) >= 2 else None for place, d in enumerate(known)]
    adjusted = holm([float(effect.p) if effect else 1.0 for effect in effects[1:]])
    return [
        ToBest(
            n=effect.n,
            mean=sign * float(effect.mean),
            low=min(sign * float(effect.low), sign * float(effect.high)),
            high=max(sign * float(effect.low), sign * float(effect.high)),
            p=float(effect.p),
            adjusted=float(adjusted[place - 1]),
        )
        if effect
        else None
        for place, effect in enumerate(effects)
    ]


def _luck(scores: NDArray[np.float64]) -> tuple[LuckLine | None, str | None, int]:
    """Return the luck line of the settings that have every seed."""
    complete = scores[~np.isnan(scores).any(axis=1)] if scores.size else scores
    try:
        return luck_line(complete), None, len(scores) - len(complete)
    except StatisticsError as error:
        return None, str(error), len(scores) - len(complete)
