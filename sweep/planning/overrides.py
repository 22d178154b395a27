"""Parse settings given as text: `--set key=value`."""

import csv
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from model.config import GROUPS
from model.data_settings import DataSettings
from model.errors import SettingError
from model.settings import alternatives, build
from sweep.errors import SpaceError
from sweep.planning.axes import grid
from sweep.planning.flat import decode_keys, train_keys

LISTS = ("data.split", "data.answers")  # settings whose single value has commas in it


def parse_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """Parse `key=value` texts into settings, each value by its key's type.

    `a,b` makes a grid; in double quotes, `"a,b"` is one value. Raise SpaceError if a text has no `=`, or if it may mean
    either.
    """
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, parts = _split(pair)
        values = [_parse(key, part) for part in parts]
        settings[key] = values[0] if len(values) == 1 else grid(*values)
    return settings


def parse_paths(pairs: Sequence[str]) -> dict[str, list[str]]:
    """Parse `key=path` texts into the paths of each key. Raise SpaceError as `parse_settings` does."""
    paths: dict[str, list[str]] = {}
    for key, parts in map(_split, pairs):
        paths.setdefault(key, []).extend(parts)
    return paths


def _split(pair: str) -> tuple[str, list[str]]:
    """Return the key and the values of `key=a,b`."""
    key, equals, text = pair.partition("=")
    if not equals:
        raise SpaceError(f"--set {pair}: write key=value, for example --set epochs=1")
    try:
        values = next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise SpaceError(
            f"--set {pair}: {error}; a value in double quotes ends before a comma or at the end"
        ) from error
    if not values:
        raise SpaceError(f"--set {pair}: write a value after the =")
    if key in LISTS:
        return key, [text.strip('"')]
    if len(values) > 1 and Path(text).expanduser().exists():
        raise SpaceError(f"""--set {pair}: a comma separates values; to name the file {text}, write '{key}="{text}"'""")
    return key, values


def _parse(key: str, text: str) -> Any:
    keys: Mapping[str, Any] = {**train_keys(), **decode_keys()}
    if key in GROUPS and text.lower() == "none":
        return None
    kinds = alternatives(keys.get(key, int | float | str))  # an unknown key raises when the space is expanded
    if types.NoneType in kinds and text.lower() == "none":
        return None
    if bool in kinds and text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        if kind in kinds or int in kinds:  # 5.0 is a whole number, 5.5 an error that the setting itself explains
            try:
                return kind(text)
            except ValueError:
                continue
    return text


def parse_data_settings(arguments: Sequence[str]) -> DataSettings:
    """Return how to read data from "data.KEY=VALUE" arguments. Raise SpaceError if a key or value is invalid."""
    given = {key.removeprefix(DataSettings.prefix): value for key, value in parse_settings(arguments).items()}
    try:
        return build(DataSettings, given)
    except SettingError as error:
        raise SpaceError(str(error)) from error
