"""Settings: frozen dataclasses that validate and document their own fields.

`setting(...)` declares the unit and bounds of each field once; validation, help texts and leaderboard columns all read
them from there. Spaces, tables and hashes use flat dotted keys, such as `lr` and `lora.rank`. Nothing imports torch.
"""

import dataclasses
import functools
import inspect
import math
import types
import typing
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar

from model.errors import SettingError
from model.suggest import did_you_mean

Scalar = int | float | str | bool | None
Fields = tuple[tuple["dataclasses.Field[Any]", Any], ...]
S = TypeVar("S", bound="Settings")

_FIELDS: dict[type, Fields] = {}


LARGEST = 2**63 - 1  # the largest integer that tables and random generators can hold


@dataclass(frozen=True)
class Bounds:
    """The allowed values of a setting. `unit` documents it for people; a limit of None means no limit."""

    unit: str
    low: float | None = None  # smallest value allowed
    above: float | None = None  # every value must be larger
    high: float | None = None  # largest value allowed
    below: float | None = None  # every value must be smaller
    choices: Collection[str] | None = None  # the allowed names, or a registry whose keys they are

    def complaint(self, value: Any) -> str | None:
        """Return a description of the violated bound, or None if `value` is valid."""
        if value is None:  # the type decides whether None is allowed
            return None
        if self.choices is not None and not (isinstance(value, str) and value in self.choices):
            hint = did_you_mean(str(value), self.choices)
            return f"must be one of {', '.join(self.choices)}, got {value!r}" + (f"; {hint}" if hint else "").rstrip()
        if not isinstance(value, int | float) or isinstance(value, bool):
            return None
        if not math.isfinite(value):
            return f"must be a finite number, got {value}"
        if isinstance(value, int) and abs(value) > LARGEST:
            return f"must be at most {LARGEST} (64 bits), got {value}"
        if self.low is not None and value < self.low:
            return f"must be at least {self.low:g}, got {value}"
        if self.above is not None and value <= self.above:
            return f"must be above {self.above:g}, got {value}"
        if self.high is not None and value > self.high:
            return f"must be at most {self.high:g}, got {value}"
        if self.below is not None and value >= self.below:
            return f"must be below {self.below:g}, got {value}"
        return None

    def __str__(self) -> str:
        """Return the bounds in words, such as "at least 0, below 1", or "" if there are none."""
        limits = {"at least": self.low, "above": self.above, "at most": self.high, "below": self.below}
        words = [f"{word} {limit:g}" for word, limit in limits.items() if limit is not None]
        return ", ".join(words) if self.choices is None else f"one of {', '.join(self.choices)}"


def setting(default: Any = dataclasses.MISSING, **bounds: Any) -> Any:
    """Return a dataclass field with a unit and bounds. Without `default`, the setting is required."""
    return dataclasses.field(default=default, metadata={"bounds": Bounds(**bounds)})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base class of all settings. Raises SettingError if the name, type or value of a field is invalid."""

    prefix: ClassVar[str] = ""  # of the dotted keys, such as "lora."

    def __init_subclass__(cls) -> None:
        """Add the unit, bounds and default of each field to the docstring."""
        fields = {name: field for name, field in vars(cls).items() if isinstance(field, dataclasses.Field)}
        lines = [f"    {name}: {_describe(field)}" for name, field in fields.items()]
        cls.__doc__ = "\n".join([inspect.cleandoc(cls.__doc__ or cls.__name__), "", "Settings:", *lines])

    def __new__(cls, *args: Any, **values: Any) -> Self:
        check_names(cls, values)
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for field, kind in fields_of(type(self)):
            value = getattr(self, field.name)
            if value is field.default:  # most are, and a default is valid
                continue
            checked = check_value(self.prefix + field.name, value, field, kind)
            if checked is not value:
                object.__setattr__(self, field.name, checked)


def check_value(key: str, value: Any, field: "dataclasses.Field[Any]", kind: Any) -> Any:
    """Return `value` as a value of `field`, of type `kind`. Raise SettingError, naming `key`, if it is invalid."""
    bounds: Bounds | None = field.metadata.get("bounds")
    is_name = bounds is not None and bounds.choices is not None  # then the choices say more than the type
    if type(value) is not kind and type(value) not in alternatives(kind) and not (is_name and value is not None):
        value = coerce(key, value, kind)
    complaint = bounds.complaint(value) if bounds else None
    if complaint:
        raise SettingError(key, complaint)
    return value


def _describe(field: "dataclasses.Field[Any]") -> str:
    bounds = field.metadata["bounds"]
    default = "must be given" if field.default is dataclasses.MISSING else f"default {field.default!r}"
    return f"{bounds.unit} ({'; '.join(filter(None, [str(bounds), default]))})"


def fields_of(kind: type[Settings]) -> Fields:
    """Return the fields of `kind`, each with its resolved type."""
    if kind not in _FIELDS:  # cached: resolving the types takes longer than the rest of building a configuration
        hints = typing.get_type_hints(kind)
        _FIELDS[kind] = tuple((field, hints[field.name]) for field in dataclasses.fields(kind))
    return _FIELDS[kind]


@functools.cache
def alternatives(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union type: int | None -> (int, NoneType); int -> (int,)."""
    return typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)


def coerce(key: str, value: Any, kind: Any) -> Any:
    """Return `value` as one of the types of `kind`. An int is accepted as a float. Raise SettingError otherwise."""
    kinds = alternatives(kind)
    if isinstance(value, bool) and bool not in kinds:
        pass
    elif isinstance(value, kinds):
        return value
    elif float in kinds and isinstance(value, int):
        return float(value)
    names = " or ".join("None" if k is types.NoneType else k.__name__ for k in kinds)
    raise SettingError(key, f"must be {names}, got {value!r} ({type(value).__name__})")


def check_names(kind: type[Settings], names: Iterable[str]) -> None:
    """Raise SettingError, suggesting the closest known name, if one of `names` is not a field of `kind`."""
    if unknown := [kind.prefix + name for name in names if name not in kind.__dataclass_fields__]:
        known = keys_of(kind)
        hint = did_you_mean(unknown[0], known)
        raise SettingError(unknown[0], f"is not a setting; {hint}Known: {', '.join(known)}")


def build(kind: type[S], values: Mapping[str, Any]) -> S:
    """Return a `kind` from values by undotted name. Raise SettingError if one is unknown, missing or invalid."""
    check_names(kind, values)
    for field, _ in fields_of(kind):
        if field.default is dataclasses.MISSING and field.name not in values:
            given = ", ".join(kind.prefix + name for name in values)
            beside = f" beside {given}, which has no effect without it" if given else ""
            raise SettingError(kind.prefix + field.name, f"is needed{beside}")
    return kind(**values)


def defaults(kind: type[S]) -> S | None:
    """Return a `kind` with all defaults, or None if a field has no default."""
    return None if any(field.default is dataclasses.MISSING for field, _ in fields_of(kind)) else kind()


def keys_of(kind: type[Settings]) -> dict[str, Any]:
    """Return the dotted keys of `kind` with their types."""
    return {kind.prefix + field.name: hint for field, hint in fields_of(kind)}
