"""Lay settings over each other: fixed settings, axes, a variant and a decoding, and the user's overrides over all.

Overrides apply to every variant, with one exception: the settings of a method (LoRA, SMART, an optimizer, a way of
decoding) apply where the method is used. A rank does not turn LoRA on in a variant that is there to show the same
without LoRA.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from model.config import GROUPS, TrainConfig
from model.methods.registry import METHODS
from model.optim.registry import OPTIMIZERS
from sweep.planning.axes import as_axis, is_axis

Flat = dict[str, Any]
CHOICES: dict[str, Mapping[str, Any]] = {"optimizer": OPTIMIZERS, "peft": METHODS}
DECODINGS = ("decode.top_p", "decode.top_k", "decode.beams", "decode.generations")  # each is a way of decoding


def lay(below: Flat, layer: Mapping[str, Any]) -> Flat:
    """Return `below` with the settings of `layer` over it; a method that `layer` turns off loses its settings."""
    off = {key for key, value in layer.items() if key in GROUPS and value is None}
    kept = {key: value for key, value in below.items() if key not in layer and key.partition(".")[0] not in off}
    return {**kept, **layer}  # a later layer also decides the key's position


def override(flats: Sequence[Flat], overrides: Mapping[str, Any], parts: str) -> tuple[list[Flat], list[str]]:
    """Return `flats`, the settings of each variant, with `overrides` over them, and notes on what differs between them.

    `parts` is the word for the flats in notes: variants, decodings, or both.
    """
    choices = {key: value for key, value in overrides.items() if key in {*GROUPS, *CHOICES}}
    chosen = [lay(flat, choices) for flat in flats]
    taken: list[Flat] = [{} for _ in flats]
    notes = []
    for key, value in overrides.items():
        users = [number for number, flat in enumerate(chosen) if _uses(flat, key)]
        for number in users or range(len(flats)):
            taken[number][key] = value
        if 0 < len(users) < len(flats):
            notes.append(
                f"--set {key}: applies to {len(users)} of {len(flats)} {parts}, those that use {_method(key)}; "
                "the others stay as they are"
            )
        elif earlier := _differing(flats, key):
            notes.append(f"--set {key}: replaces the values of the {parts}, which differ: {', '.join(earlier)}")
    return [_overridden(flat, extra) for flat, extra in zip(flats, taken, strict=True)], notes


def _overridden(flat: Flat, extra: Flat) -> Flat:
    """Return `flat` with other values in place, and new keys at its end."""
    laid = lay(flat, extra)
    return {**{key: laid[key] for key in flat if key in laid}, **laid}


def _differing(flats: Sequence[Flat], key: str) -> list[str]:
    """Return what stands for `key` in `flats`, as text, if that is not the same in all of them."""
    if key in GROUPS:
        found = dict.fromkeys(f"{key} {'on' if _uses(flat, f'{key}.') else 'off'}" for flat in flats)
    else:
        found = dict.fromkeys(str(flat.get(key, "the default")) for flat in flats)
    return list(found) if len(found) > 1 else []


def _uses(flat: Flat, key: str) -> bool:
    """Return whether the method that the setting `key` belongs to is used in `flat`; True if it belongs to none."""
    if key in DECODINGS:
        return key in flat
    group, dot, _ = key.partition(".")
    prefix = group + dot
    if group in GROUPS and dot and any(name.startswith(prefix) for name in flat):
        return True
    owners = [
        (choice, name)
        for choice, registry in CHOICES.items()
        for name, spec in registry.items()
        if spec.settings.prefix == prefix
    ]
    if owners or (group in GROUPS and dot):
        return any(name in _values(flat, choice) for choice, name in owners)
    return True


def _values(flat: Flat, choice: str) -> Iterable[Any]:
    """Return the values that the setting `choice` takes in `flat`."""
    value = flat.get(choice, TrainConfig.__dataclass_fields__[choice].default)
    return as_axis(choice, value).values or () if is_axis(value) else (value,)


def _method(key: str) -> str:
    return key.removeprefix("decode.") if key in DECODINGS else key.partition(".")[0]
