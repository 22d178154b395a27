"""The settings of rows as axes: which vary, and the numbers that each can take."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sweep.planning.axes import Range
from sweep.planning.search_space import SearchSpace
from sweep.reporting.leaderboard import Row
from sweep.statistics.importance import Domain

Settings = Mapping[str, Any]


def settings_and_methods(row: Row) -> dict[str, Any]:
    """Return the settings of a row, and whether each method is on."""
    found: dict[str, Any] = json.loads(row["config_json"])
    return {**found, "LoRA": "lora.rank" in found, "SMART": "smart.lam" in found}


def domains(settings: Sequence[Settings], keys: Sequence[str], space: SearchSpace | None) -> dict[str, Domain]:
    """Return the domains of the axes of numbers in `keys`: that of the search space, else the range of the values."""
    found = {}
    for key in keys:
        values = [one[key] for one in settings if one.get(key) is not None]
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            seen = Domain.seen(values, logarithmic=_spans_decades(values))
            found[key] = (space and _declared(key, space)) or seen
    return found


def _declared(key: str, space: SearchSpace) -> Domain | None:
    """Return the domain of the range that every branch of `space` with this axis has; None if there is none."""
    axes = {branch.axes[key] for branch in space.branches if key in branch.axes}
    fixed = any(key in branch.plain for branch in space.branches)
    if fixed or len(axes) != 1 or not isinstance(axis := axes.pop(), Range):
        return None
    low, high = axis.ends
    return Domain(low=low, high=high, step=axis.q, logarithmic=axis.kind == "loguniform", whole=axis.is_whole)


def _spans_decades(values: Sequence[Any]) -> bool:
    """Return whether an axis is better seen on a logarithmic scale: positive, and its ends are a factor of 30 apart."""
    return all(isinstance(value, float) and value > 0 for value in values) and max(values) > 30 * min(values)
