"""Rank the settings of a run by their mean over seeds, and tell which cannot be told from the best."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sweep.reporting.leaderboard import larger_is_better
from sweep.reporting.verdicts.groups import Group, Summary, matrix
from sweep.statistics.errors import StatisticsError
from sweep.statistics.families import holm
from sweep.statistics.luck import LuckLine, luck_line
from sweep.statistics.paired import PairedEffect, paired_effect
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
    scores: NDArray[np.float64]  # of those with a score, (settings, seeds); larger is better, NaN where missing

    @cached_property
    def luck(self) -> LuckLine | None:
        """Return the luck line of the settings that have every seed; None if they are too few."""
        try:
            return luck_line(self.scores[self._complete]) if self.scores.size else None
        except StatisticsError:
            return None

    @property
    def left_out(self) -> int:
        """Return the number of settings that the luck line leaves out, because they miss a seed."""
        return int(np.sum(~self._complete)) if self.scores.size else 0

    @property
    def _complete(self) -> NDArray[np.bool_]:
        return np.asarray(~np.isnan(self.scores).any(axis=1))

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

    def order(group: Group) -> tuple[bool, float, float, str]:
        """Sort by score, and break ties as the leaderboard does: by dev loss, then by id."""
        mean, loss = summaries[group.setting_id].mean, group.summary("dev_loss").mean
        return mean is None, -sign * (mean or 0.0), math.inf if loss is None else loss, group.setting_id

    ordered = sorted(groups, key=order)
    scored = [group for group in ordered if summaries[group.setting_id].mean is not None]
    scores = matrix([group.scores(metric) for group in scored], metric) if scored else np.empty((0, 0))
    tied = _tied(scores)
    to_best = _to_best(scores, sign)
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
        scores=scores,
    )


def _tied(scores: NDArray[np.float64]) -> list[bool | None]:
    """Return which settings may be the best; None for all if there are too few seeds."""
    try:
        return [bool(one) for one in tied_with_best(scores)]
    except StatisticsError:
        return [None] * len(scores)


def _to_best(scores: NDArray[np.float64], sign: float) -> list[ToBest | None]:
    effects: dict[int, PairedEffect] = {}  # by place
    missing: dict[bytes, list[int]] = {}  # places by the seeds that they share with the best one: tested together
    for place, row in enumerate(scores[1:] - scores[:1], start=1):
        missing.setdefault((~np.isnan(row)).tobytes(), []).append(place)
    for known, places in missing.items():
        shared = np.frombuffer(known, dtype=bool)
        if shared.sum() >= 2:
            together = paired_effect((scores[places] - scores[0])[:, shared])
            effects |= {place: together.at(number) for number, place in enumerate(places)}
    adjusted = holm([float(effects[place].p) if place in effects else 1.0 for place in range(1, len(scores))])
    return [
        _compared(effects[place], float(adjusted[place - 1]), sign) if place in effects else None
        for place in range(len(scores))
    ]


def _compared(effect: PairedEffect, adjusted: float, sign: float) -> ToBest:
    low, high = sorted((sign * float(effect.low), sign * float(effect.high)))
    mean, p = sign * float(effect.mean), float(effect.p)
    return ToBest(n=effect.n, mean=mean, low=low, high=high, p=p, adjusted=adjusted)
