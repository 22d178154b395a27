"""Group leaderboard rows by setting: the rows of one group differ only in their seed."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweep.planning.plan import stable_id
from sweep.reporting.leaderboard import Row, larger_is_better, ranking_group
from sweep.statistics.paired import paired_effect
from sweep.store.status import Status

LOST = (Status.DIVERGED, Status.FAILED)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The scores of a group over its seeds, in the metric's unit."""

    n: int  # seeds with a score
    lost: int  # seeds that diverged or failed
    mean: float | None  # None without a score
    sd: float | None  # None below 2 seeds
    low: float | None  # 95 % interval of the mean, Student's t
    high: float | None


@dataclass(frozen=True)
class Group:
    """One setting: its rows, in the order of their seeds."""

    setting_id: str
    rows: tuple[Row, ...]

    @property
    def first(self) -> Row:
        return self.rows[0]

    @property
    def variant(self) -> str | None:
        name: str | None = self.first.get("variant")
        return name

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Return the canonical settings without the seed, by dotted key."""
        return {key: value for key, value in json.loads(self.first["config_json"]).items() if key != "seed"}

    def scores(self, metric: str) -> dict[int, float]:
        """Return the score of each seed. NaN marks a seed that diverged or failed; unfinished seeds are missing."""
        found = {}
        for row in self.rows:
            value = row.get(metric)
            if row["status"].is_complete and value is not None:
                found[row["seed"]] = float(value) if math.isfinite(value) else math.nan
            elif row["status"] in LOST:
                found[row["seed"]] = math.nan
        return found

    def baseline(self, metric: str) -> dict[int, float]:
        """Return the baseline's score by seed."""
        key = f"base_{metric}"
        return {row["seed"]: float(row[key]) for row in self.rows if row.get(key) is not None}

    def summary(self, metric: str) -> Summary:
        """Return the mean over seeds, with its interval."""
        return summarize(self.scores(metric).values())


def summarize(scores: "Sequence[float] | Any") -> Summary:
    """Return the summary of scores over seeds; NaN marks a lost one."""
    values = np.array(list(scores), dtype=float)
    known = values[~np.isnan(values)]
    if len(known) < 2:
        mean = float(known[0]) if len(known) else None
        return Summary(n=len(known), lost=len(values) - len(known), mean=mean, sd=None, low=None, high=None)
    effect = paired_effect(known)
    return Summary(
        n=len(known),
        lost=len(values) - len(known),
        mean=float(effect.mean),
        sd=float(effect.sd),
        low=float(effect.low),
        high=float(effect.high),
    )


def groups_of(rows: Sequence[Row]) -> list[Group]:
    """Return the groups of `rows`, in the order of their first row."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(_setting_id(row["config_json"]), []).append(row)
    return [Group(name, tuple(sorted(members, key=lambda row: row["seed"]))) for name, members in found.items()]


def comparable(groups: Sequence[Group]) -> list[list[Group]]:
    """Return the groups that may be compared with each other: same task, data, base and number of epochs."""
    found: dict[tuple[Any, ...], list[Group]] = {}
    for group in groups:
        found.setdefault(ranking_group(group.first), []).append(group)
    return list(found.values())


def matrix(scores: Sequence[Mapping[int, float]], metric: str) -> NDArray[np.float64]:
    """Return scores of shape (settings, seeds) over all seeds, NaN where missing; larger is better for any metric."""
    seeds = sorted({seed for one in scores for seed in one})
    sign = 1.0 if larger_is_better(metric) else -1.0
    return sign * np.array([[one.get(seed, math.nan) for seed in seeds] for one in scores], dtype=float)


def _setting_id(config_json: str) -> str:
    return stable_id({key: value for key, value in json.loads(config_json).items() if key != "seed"})
