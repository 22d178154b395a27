"""Two points side by side: settings, scores, single examples and costs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sweep.reporting.inspect.against import same_examples
from sweep.reporting.inspect.details import COST, score_names
from sweep.reporting.inspect.samples import example_scores, sample_metric
from sweep.reporting.inspect.shown_point import ShownPoint
from sweep.reporting.leaderboard import larger_is_better
from sweep.reporting.settings import varying_keys
from sweep.statistics.examples import sign_p

Pair = tuple[Any, Any]  # of a and b


@dataclass(frozen=True, kw_only=True)
class Examples:
    """On how many of the examples that both points were scored on b does better than a."""

    metric: str
    wins: int  # of b
    ties: int
    losses: int
    p: float  # of a sign test over wins and losses


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Two points, a and b, of one run. Each pair holds the value of a and that of b."""

    run: str
    points: tuple[str, str]
    names: tuple[str, str]  # of their variants, or their ids
    statuses: tuple[str, str]
    ranks: Pair
    settings: Mapping[str, Pair]  # those that differ
    common: Mapping[str, Any]
    scores: Mapping[str, Pair]
    metric: str  # that ranks them
    examples: Examples | None
    reason: str | None  # why there is no comparison of examples
    shared_trial: bool  # whether one training serves both
    cost: Mapping[str, Pair]

    def as_dict(self) -> dict[str, Any]:
        """Return nested dicts, as `sweep diff --format json` prints them."""
        return asdict(self)


def difference(a: ShownPoint, b: ShownPoint) -> Difference:
    """Return how two points of a run differ."""
    columns = [a.point.columns, b.point.columns]
    varying = varying_keys(columns)
    found, reason = _examples(a, b)
    return Difference(
        run=a.folder.name,
        points=(a.point.point_id, b.point.point_id),
        names=(a.point.variant or a.point.point_id, b.point.variant or b.point.point_id),
        statuses=(str(a.row["status"]), str(b.row["status"])),
        ranks=(a.row.get("rank"), b.row.get("rank")),
        settings={key: (columns[0].get(key), columns[1].get(key)) for key in varying},
        common={key: value for key, value in columns[0].items() if key not in varying},
        scores={name: (a.row.get(name), b.row.get(name)) for name in score_names([a.row, b.row])},
        metric=a.row["metric"],
        examples=found,
        reason=reason,
        shared_trial=a.point.trial_id == b.point.trial_id,
        cost={name: (a.row.get(name), b.row.get(name)) for name in COST},
    )


def _examples(a: ShownPoint, b: ShownPoint) -> tuple[Examples | None, str | None]:
    """Return the comparison of single examples, or why there is none."""
    if not same_examples(a, b):
        return None, "they were scored on different data"
    if not (a.samples and b.samples):
        return None, "one of them was not scored"
    metric = sample_metric(a)
    one, other = example_scores(a.samples, metric), example_scores(b.samples, metric)
    sign = 1 if larger_is_better(metric) else -1
    gains = [sign * (other[example] - one[example]) for example in one.keys() & other.keys()]
    wins, losses = sum(gain > 0 for gain in gains), sum(gain < 0 for gain in gains)
    found = Examples(metric=metric, wins=wins, ties=len(gains) - wins - losses, losses=losses, p=sign_p(wins, losses))
    return found, None
