"""Parse settings given as text: `--set key=value`."""

import types
from collections.abc import Mapping, Sequence
from typing import Any

from model.config import GROUPS
from model.settings import alternatives
from sweep.errors import SpaceError
from sweep.planning.axes import grid
from sweep.planning.flat import decode_keys, train_keys


def parse_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """Parse `key=value` texts into settings, each value by its key's type.

    `a,b` makes a grid. Raise SpaceError if a text has no `=`.
    """
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise SpaceError(f"--set {pair}: write key=value, for example --set epochs=1")
        values = [_parse(key, part) for part in text.split(",")]
        settings[key] = values[0] if len(values) == 1 else grid(*values)
    return settings


def _parse(key: str, text: str) -> Any:
    keys: Mapping[str, Any] = {**train_keys(), **decode_keys()}
    if key in GROUPS and text.lower() == "none":
        return None
    kinds = alternatives(keys.get(key, int | float | str))  # an unknown key raises when the space is expanded
    if types.NoneType in kinds and text.lower() == "none":
        return None
    for kind in (int, float):
        if kind in kinds:
            try:
                return kind(text)
            except ValueError:
                continue
    return text
