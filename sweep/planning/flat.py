"""The flat form of a point: dotted keys and plain values, as spaces, tables and hashes use them.

`lr` is a field of TrainConfig, `lora.rank` a field of its group `lora`, `soap.beta1` a setting of the optimizer `soap`,
`decode.top_p` a field of DecodeConfig.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from model.config import GROUPS, DecodeConfig, TrainConfig
from model.data_settings import DataSettings
from model.errors import SettingError
from model.methods.registry import METHODS
from model.optim.registry import OPTIMIZERS
from model.settings import Scalar, Settings, build, fields_of, keys_of
from model.suggest import did_you_mean
from model.task_specs import TASKS
from sweep.planning.importing import is_extension

# The settings whose values name an entry of a registry, with that registry.
REGISTRIES: dict[str, dict[str, Any]] = {"task": TASKS, "optimizer": OPTIMIZERS, "peft": METHODS}
OF_REGISTRIES = ("optimizer_settings", "peft_settings")  # fields of TrainConfig whose settings the registries hold


def train_fields(*, extensions: bool = True) -> dict[str, tuple["dataclasses.Field[Any]", Any]]:
    """Return the fields of all training settings with their types, by dotted key, with or without extensions."""
    own = {field.name: (field, kind) for field, kind in fields_of(TrainConfig) if field.name not in OF_REGISTRIES}
    found = {}
    for name, field in own.items():
        groups = {**GROUPS, "data_settings": DataSettings}
        found.update(_fields(groups[name]) if name in groups else {name: field})
    for registry in (OPTIMIZERS, METHODS):
        for name, spec in registry.items():
            if extensions or not is_extension(name):
                found.update(_fields(spec.settings))
    return found


def decode_fields() -> dict[str, tuple["dataclasses.Field[Any]", Any]]:
    """Return the fields of all decoding settings with their types, by dotted key."""
    return _fields(DecodeConfig)


def train_keys(*, extensions: bool = True) -> dict[str, Any]:
    """Return the dotted keys of all training settings with their types, with or without those of extensions."""
    return {key: kind for key, (_, kind) in train_fields(extensions=extensions).items()}


def decode_keys() -> dict[str, Any]:
    """Return the dotted keys of all decoding settings with their types."""
    return keys_of(DecodeConfig)


def _fields(kind: type[Settings]) -> dict[str, tuple["dataclasses.Field[Any]", Any]]:
    return {kind.prefix + field.name: (field, hint) for field, hint in fields_of(kind)}


def from_flat(flat: Mapping[str, Any]) -> tuple[TrainConfig, DecodeConfig | None]:
    """Return both configs from dotted keys; the second is None for a task that generates no text.

    `{"lora": None}` turns a method off; its dotted keys turn it on. Raise SettingError if the settings are invalid.
    """
    plain: dict[str, Any] = {}
    groups: dict[str, dict[str, Any]] = {}
    for key, value in flat.items():
        group, dot, name = key.partition(".")
        if dot:
            groups.setdefault(group, {})[name] = value
        else:
            plain[key] = value
    decode = groups.pop("decode", {})
    if "data" in groups:
        plain["data_settings"] = groups.pop("data")
    for group, values in groups.items():
        first = f"{group}.{next(iter(values))}"
        if group in GROUPS and group in plain:
            raise SettingError(first, f"has no effect while {group} is None")
        plain[group if group in GROUPS else _field_of(group, first, plain)] = values
    train = build(TrainConfig, plain)
    if TASKS[train.task].generates:
        found = build(DecodeConfig, decode)
        if found.repeats is not None and not TASKS[train.task].repeats:
            raise SettingError("decode.repeats", f"has no effect: task {train.task} scores a single draw")
        return train, found
    if decode:
        raise SettingError(f"decode.{next(iter(decode))}", f"has no effect: task {train.task} generates no text")
    return train, None


def _field_of(group: str, key: str, plain: Mapping[str, Any]) -> str:
    """Return the field of TrainConfig for the settings `group` of an optimizer or PEFT method. Raise SettingError."""
    for choice in ("optimizer", "peft"):
        registry = REGISTRIES[choice]
        chosen = plain.get(choice, TrainConfig.__dataclass_fields__[choice].default)
        owners = [name for name, spec in registry.items() if spec.settings.prefix == f"{group}."]
        if chosen in owners:
            return f"{choice}_settings"
        if owners:
            raise SettingError(key, f"has no effect: it belongs to {choice}={owners[0]}, but {choice} is {chosen}")
    build(TrainConfig, plain)  # raises first if the optimizer is unknown, which is the clearer message
    known = {**train_keys(), **decode_keys()}
    raise SettingError(key, f"is not a setting; {did_you_mean(key, known)}Known: {', '.join(known)}")


def to_flat(config: Settings) -> dict[str, Scalar]:
    """Return the values of `config` by dotted key in field order, without those that are None (off)."""
    flat: dict[str, Scalar] = {}
    for field, _ in fields_of(type(config)):
        value = getattr(config, field.name)
        if isinstance(value, Settings):
            flat.update(to_flat(value))
        elif value is not None:
            flat[config.prefix + field.name] = value
    return flat
