"""How much of a difference the choice of dev examples and the sampling explain. Says nothing about training."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweep.errors import RunError
from sweep.reporting.inspect.samples import sample_score
from sweep.reporting.verdicts.scored import ScoreTable
from sweep.reporting.verdicts.sentence import number, p_equals, signed
from sweep.reporting.verdicts.sides import Side
from sweep.statistics.errors import StatisticsError
from sweep.statistics.examples import bootstrap_t, randomization_p

Array = NDArray[np.float64]
Samples = Mapping[str, Sequence[Mapping[str, Any]]]  # point_id -> samples

CAVEAT = (
    "These lines are about the trained models: how other dev examples or samples might change the result. They say "
    "nothing about training again with other seeds; read as that, they are false in 23 to 70 % of studies."
)


def example_lines(table: ScoreTable, pairs: Sequence[tuple[Side, Side]], samples: Samples) -> list[str]:
    """Return a line for each pair of sides, and what the lines do not say.

    The score of an example is its mean over seeds and draws. Raise RunError if examples have no score of their own.
    """
    scores = {side.name: _scores(table, side, samples) for pair in pairs for side in pair}
    lines = [_line(table.metric, one.name, other.name, scores) for one, other in pairs]
    return [*lines, CAVEAT]


def _line(metric: str, one: str, other: str, scores: Mapping[str, Mapping[int, float]]) -> str:
    common = sorted(scores[one].keys() & scores[other].keys())
    a, b = (np.array([[scores[name][example], 1.0] for example in common]) for name in (one, other))
    try:
        found = bootstrap_t(a, b, _mean)
    except StatisticsError as error:
        return f"{one} - {other}, over examples: {error}"
    p = randomization_p(a, b, _mean)
    return (
        f"{one} - {other}, over {found.examples} dev examples: {signed(found.difference)} {metric}, 95 % interval "
        f"{number(found.low)} to {number(found.high)}, {p_equals(p)} (approximate randomization)"
    )


def _mean(sums: Array) -> Array:
    """Return the mean score from sums of (score, 1)."""
    return np.asarray(sums[..., 0] / sums[..., 1])


def _scores(table: ScoreTable, side: Side, samples: Samples) -> dict[int, float]:
    """Return the mean score of each example over the side's points."""
    collected: dict[int, list[float]] = {}
    for one in table.scored:
        if side.holds(one) and one.point_id is not None:
            for sample in samples.get(one.point_id, ()):
                collected.setdefault(int(sample["example"]), []).append(_score(sample, table.metric))
    if not collected:
        raise RunError(f"--examples: {side.name} has no examples; compare runs of this tool, without --tuned")
    return {example: float(np.mean(values)) for example, values in collected.items()}


def _score(sample: Mapping[str, Any], metric: str) -> float:
    if (score := sample_score(sample, metric)) is not None:
        return score
    raise RunError(f"--examples: examples have no {metric} of their own; use --metric chrf or accuracy")
