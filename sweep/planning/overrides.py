"""Settings given as text: `--set key=value`."""

import types
from collections.abc import Mapping, Sequence
from typing import Any

from model.config import GROUPS
from model.settings import alternatives
from sweep.errors import SpaceError
from sweep.planning.axes import grid
from sweep.planning.flat import decode_keys, train_keys


def parse_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """Return `key=value` texts as settings, each value of the type of its key; `a,b` is a grid. Raise SpaceError."""
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
    kinds = alternatives(keys.get(key, int | float | str))  # expanding the space says what is wrong with a key
    if types.NoneType in kinds and text.lower() == "none":
        return None
    for kind in (int, float):
        if kind in kinds:
            try:
                return kind(text)
            except ValueError:
                continue
    return text
