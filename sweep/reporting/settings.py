"""Find the settings in which the points of a run differ, and those that are the same in all of them."""

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from model.optim.registry import OPTIMIZERS
from sweep.planning.flat import decode_keys, train_keys


def varying_keys(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the keys whose value differs between `points`, in the order of the schema."""
    return [key for key in _keys(points) if len({point.get(key) for point in points}) > 1]


def constant_settings(points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the settings that are the same in all `points`, in the order of the schema."""
    return {
        key: points[0][key] for key in _keys(points) if all(point.get(key) == points[0].get(key) for point in points)
    }


def informative_keys(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the varying settings without those that another setting of the same method determines.

    For example, if each rank is used with only one scale, only the rank is returned. Of settings that determine each
    other, the first in the schema is kept.
    """
    keys, kept = varying_keys(points), list[str]()
    for key in sorted(keys, key=lambda key: -len({point.get(key) for point in points})):
        rivals = [other for other in kept if _method(other) == _method(key) is not None]
        if not any(_determines(points, other, key) for other in rivals):
            kept.append(key)
    return [key for key in keys if key in kept]


def settings_of(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the canonical settings of each row, with defaults filled in for settings that another row sets."""
    canonical = [json.loads(row["config_json"]) for row in rows]
    keys = {key for settings in canonical for key in settings if "." in key}
    defaults = [{key: row[key] for key in keys if row.get(key) is not None} for row in rows]
    return [{**default, **settings} for default, settings in zip(defaults, canonical, strict=True)]


def _keys(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return every key of `points` in the order of the schema, unknown keys last."""
    order = {key: place for place, key in enumerate([*train_keys(), *decode_keys()])}
    found = dict.fromkeys(chain.from_iterable(points))
    return sorted(found, key=lambda key: order.get(key, len(order)))


def _method(key: str) -> str | None:
    """Return the method that a setting belongs to: lora for lora.rank; None for a plain setting.

    Weight decay and the settings of each optimizer belong to the method `optimizer`.
    """
    group, dot, _ = key.partition(".")
    if key in ("optimizer", "weight_decay") or f"{group}." in {spec.settings.prefix for spec in OPTIMIZERS.values()}:
        return "optimizer"
    return group if dot else None


def _determines(points: Sequence[Mapping[str, Any]], one: str, other: str) -> bool:
    """Return whether the value of `one` determines that of `other`, and `one` is set where `other` is."""
    if any(point.get(one) is None and point.get(other) is not None for point in points):
        return False
    return len({(point.get(one), point.get(other)) for point in points}) == len({point.get(one) for point in points})
