"""The options of the Python interface, in the forms that the planner uses."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from sweep.planning.config import Budget, parse_duration


def taken(options: dict[str, Any], kind: type) -> dict[str, Any]:
    """Remove the fields of the dataclass `kind` from `options`, and return them."""
    return {field.name: options.pop(field.name) for field in fields(kind) if field.name in options}


def paths(given: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the paths of each setting as a list of texts."""
    return {key: [str(one)] if isinstance(one, str | Path) else list(map(str, one)) for key, one in given.items()}


def limits_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields of RunLimits, with budgets and durations parsed if they are text, as on the command line."""
    found = dict(given)
    if isinstance(found.get("budget"), str):
        found["budget"] = Budget.parse(found["budget"])
    for name in ("trial_timeout", "stall_timeout"):
        if isinstance(found.get(name), str):
            found[name] = parse_duration(found[name])
    return found
