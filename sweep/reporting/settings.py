"""Which settings tell the points of a run apart."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def varying_keys(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys whose value is not the same in all of `points`, in order of appearance."""
    keys = dict.fromkeys(key for point in points for key in point)
    return [key for key in keys if len({point.get(key) for point in points}) > 1]


def informative_keys(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """The settings that vary, but for those of a method that another one of it tells: where a point's rank is known,
    so may be its scale. Of two that tell each other, the first is kept."""
    kept: list[str] = []
    keys = varying_keys(points)
    for key in sorted(keys, key=lambda key: -len({point.get(key) for point in points})):
        rivals = [other for other in kept if _method(other) == _method(key) is not None]
        if not any(_tells(points, other, key) for other in rivals):
            kept.append(key)
    return [key for key in keys if key in kept]


def _method(key: str) -> str | None:
    """What a setting belongs to: lora of lora.rank; weight decay to the optimizer. None for a plain setting."""
    return "optimizer" if key in ("optimizer", "weight_decay") else key.partition(".")[0] if "." in key else None


def _tells(points: Sequence[Mapping[str, Any]], one: str, other: str) -> bool:
    """Whether equal values of `one` always go with equal values of `other`, and `one` is on wherever `other` is."""
    if any(point.get(one) is None and point.get(other) is not None for point in points):
        return False
    return len({(point.get(one), point.get(other)) for point in points}) == len({point.get(one) for point in points})


def settings_of(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The canonical settings of each row."""
    return [json.loads(row["config_json"]) for row in rows]
