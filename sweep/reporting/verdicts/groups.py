"""Group leaderboard rows by setting: the rows of one group differ only in their seed."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweep.planning.plan import stable_id
from sweep.reporting.leaderboard import Row, larger_is_better, ranking_group
from sweep.statistics.paired import t_quantile
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
        if metric not in self._summaries:
            self._summaries[metric] = summarize(self.scores(metric).values())
        return self._summaries[metric]

    @cached_property
    def _summaries(self) -> dict[str, Summary]:
        return {}  # by metric: a report asks for them several times


def summarize(scores: Iterable[float]) -> Summary:
    """Return the summary of scores over seeds; NaN marks a lost one."""
    every = list(scores)
    known = [score for score in every if not math.isnan(score)]
    n, lost = len(known), len(every) - len(known)
    mean = math.fsum(known) / n if n else None
    if mean is None or n < 2:
        return Summary(n=n, lost=lost, mean=mean, sd=None, low=None, high=None)
    sd = math.sqrt(math.fsum((score - mean) ** 2 for score in known) / (n - 1))
    half = t_quantile(n - 1) * sd / math.sqrt(n)
    return Summary(n=n, lost=lost, mean=mean, sd=sd, low=mean - half, high=mean + half)


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
