"""`sweep settings`: every setting that a space, or `--set`, may give a value."""

import dataclasses
import difflib
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

from model.config import DecodeConfig, TrainConfig
from model.methods.registry import METHODS
from model.optim.registry import OPTIMIZERS
from model.settings import Bounds, Settings, alternatives, fields_of
from sweep.cli.group import Command
from sweep.errors import SpaceError


@dataclass(frozen=True)
class Described:
    """One setting, in words."""

    key: str  # dotted: lora.rank
    default: str
    bounds: str  # what values are allowed
    unit: str  # what the value means


@click.command(cls=Command)
@click.argument("name", required=False)
def settings(name: str | None) -> None:
    """List every setting with its default, its bounds and its unit; or only NAME.

    NAME is a setting (lora.rank) or a group of settings (lora). A group with a "required" setting is off until that
    setting is given, and `--set lora=None` turns it off again. A default of None means: not used, unless the last
    column says otherwise.
    """
    from rich.markup import escape
    from rich.table import Table

    from sweep.reporting.terminal import make_console

    table = Table("setting", "default", "allowed", "meaning", box=None, pad_edge=False, header_style="bold")
    for column in table.columns[:-1]:
        column.no_wrap = True
    for one in find(name, all_settings()):
        table.add_row(*map(escape, dataclasses.astuple(one)))
    make_console(stderr=False).print(table)


def all_settings() -> list[Described]:
    """Return the settings of training, of every optimizer and PEFT method, and of decoding."""
    optimizers = [spec.settings for spec in OPTIMIZERS.values()]
    methods = [spec.settings for spec in METHODS.values()]
    kinds: list[type[Settings]] = [TrainConfig, *optimizers, *methods, DecodeConfig]
    found = [one for kind in kinds for one in describe(kind)]
    return list({one.key: one for one in found}.values())


def describe(kind: type[Settings]) -> Iterator[Described]:
    """Yield the settings of `kind`, and of the groups in it, in the order of the schema."""
    for field, hint in fields_of(kind):
        group = next((one for one in alternatives(hint) if isinstance(one, type) and issubclass(one, Settings)), None)
        if group is not None:
            yield from describe(group)
        elif "bounds" in field.metadata:
            bounds: Bounds = field.metadata["bounds"]
            yield Described(kind.prefix + field.name, _default(field), _allowed(bounds, hint), bounds.unit)


def find(name: str | None, known: Sequence[Described]) -> Sequence[Described]:
    """Return the setting `name`, or those of the group `name`; None: all. Raise SpaceError for an unknown name."""
    if name is None:
        return known
    found = [one for one in known if name in (one.key, one.key.rpartition(".")[0])]
    if not found:
        keys = [one.key for one in known]
        groups = [key.rpartition(".")[0] for key in keys]
        fields = {key.rpartition(".")[2]: key for key in reversed(keys)}
        near = difflib.get_close_matches(name, dict.fromkeys([*keys, *groups, *fields]), n=1, cutoff=0.5)
        hint = f"did you mean {fields.get(near[0], near[0])!r}? " if near else ""
        raise SpaceError(f"unknown setting {name!r}: {hint}`sweep settings` lists them all")
    return found


def _default(field: "dataclasses.Field[Any]") -> str:
    return "required" if field.default is dataclasses.MISSING else str(field.default)


def _allowed(bounds: Bounds, hint: Any) -> str:
    """Return what values a setting may have: `int, at least 1`."""
    if bounds.choices is not None:
        return ", ".join(bounds.choices)
    kind = next(one for one in alternatives(hint) if one is not types.NoneType)
    limits = {"at least": bounds.low, "above": bounds.above, "at most": bounds.high, "below": bounds.below}
    said = [f"{word} {limit:g}" for word, limit in limits.items() if limit is not None]
    return ", ".join([{"str": "text"}.get(kind.__name__, kind.__name__), *said])
