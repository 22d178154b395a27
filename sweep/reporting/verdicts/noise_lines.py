"""Where the noise of a run's scores comes from, and what would lower it."""

from collections.abc import Sequence

import numpy as np

from sweep.reporting.verdicts.groups import Group
from sweep.reporting.verdicts.sentence import number
from sweep.statistics.errors import StatisticsError
from sweep.statistics.variance import Component, Noise, noise_of_means

MORE_DRAWS = 8


def noise_lines(groups: Sequence[Group], metric: str) -> list[str]:
    """Return the sources of noise of comparable groups, in sentences.

    Only groups with every seed and equal numbers of draws count. Draws are told apart from seeds with decode.repeats.
    """
    seeds = max((len(group.rows) for group in groups), default=0)
    complete = [group for group in groups if group.summary(metric).n == seeds]
    draws = {int(group.settings.get("decode.repeats") or 1) for group in complete}
    if len(draws) != 1:
        return []
    (count,) = draws
    means = np.array([[row[metric] for row in group.rows] for group in complete], dtype=float)
    try:
        variances = _variances(complete, metric)
        found = noise_of_means(means, variances, count if variances else 1)
        return _lines(found, metric, _is_drawn(complete, metric))
    except StatisticsError as error:
        return [str(error)]


def _variances(groups: Sequence[Group], metric: str) -> list[list[float]] | None:
    """Return the variance between the draws of each row; None for a score that does not depend on draws."""
    name = f"{metric}_draw_sd"
    if any(row.get(name) is None for group in groups for row in group.rows):
        return None
    return [[row[name] ** 2 for row in group.rows] for group in groups]


def _is_drawn(groups: Sequence[Group], metric: str) -> bool:
    """Return whether the score depends on sampled texts."""
    return metric != "dev_loss" and any(key.startswith("decode.") for group in groups for key in group.settings)


def _lines(found: Noise, metric: str, is_drawn: bool) -> list[str]:
    if found.draw is None:
        included = ", sampling draws included" if is_drawn else ""
        return [f"noise of one {metric}: sd {_sd(found.seed)} between seeds{included}"]
    lines = [
        f"noise of one {metric}: sd {_sd(found.seed)} between seeds, sd {_sd(found.draw)} between sampling draws of "
        "one trial",
        f"{MORE_DRAWS} more draws per trial would be worth {found.seeds_worth(MORE_DRAWS):.1f} more seeds",
    ]
    if found.seed.is_negative:
        lines.append("the estimate between seeds was below zero and is shown as zero")
    return lines


def _sd(component: Component) -> str:
    """Return the sd of a component with its 95 % interval."""
    return f"{number(component.sd)} [{number(component.low**0.5)}, {number(component.high**0.5)}]"
