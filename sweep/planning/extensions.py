"""The extensions that the points of a run name: imported to run it, recorded to read it.

A run records what its extensions are, so that reading it back (a report, the cache) never runs their code. Running or
resuming it imports them, on the driver and on every worker.
"""

import dataclasses
import functools
import operator
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from model.settings import Bounds, Settings, alternatives, fields_of, setting
from model.specs import OptimizerSpec, PEFTSpec, TaskSpec
from sweep.errors import ExtensionError
from sweep.planning.axes import as_axis, is_axis
from sweep.planning.flat import REGISTRIES
from sweep.planning.importing import Origin, import_object, is_extension, make_importable
from sweep.planning.plan import Point

KINDS: dict[str, type] = {"task": TaskSpec, "optimizer": OptimizerSpec, "peft": PEFTSpec}
TYPES: dict[str, Any] = {kind.__name__: kind for kind in (int, float, str, bool)} | {"None": None}
CODE = ("load", "find", "settings", "build", "state_bytes", "apply", "merge", "trained_shapes")  # fields of a spec


@dataclass(frozen=True)
class Extension:
    """What a run records of one extension."""

    kind: str  # the setting that names it: task, optimizer or peft
    sha256: str  # of the file of its module
    folder: str  # that its module is imported from
    about: Mapping[str, Any]  # the plain values of its spec, and its settings


_origins: dict[str, Origin] = {}  # of what this process has imported, by `module:name`
_recorded: dict[str, Extension] = {}  # what this process has read from runs, by `module:name`


def references(point: Point) -> dict[str, str]:
    """Return the extensions of `point`, by the setting that names each."""
    chosen = {kind: getattr(point.train, kind) for kind in REGISTRIES}
    return {kind: name for kind, name in chosen.items() if is_extension(name)}


def import_named(settings: Mapping[str, Any]) -> None:
    """Import every extension that `settings`, plain values or axes, name. Raise ExtensionError."""
    for kind in REGISTRIES:
        value = settings.get(kind)
        for name in (as_axis(kind, value).values or ()) if is_axis(value) else (value,):
            if is_extension(name):
                _import(kind, name)


def record(points: Iterable[Point]) -> dict[str, Extension]:
    """Import the extensions of `points` and return what to record of each. Raise ExtensionError."""
    named = {name: kind for point in points for kind, name in references(point).items()}
    return {name: _import(kind, name) for name, kind in named.items()}


def import_recorded(extensions: Mapping[str, Extension]) -> None:
    """Import `extensions` where they were recorded. Raise ExtensionError if one is absent or was edited since."""
    _recorded.update(extensions)
    for name, extension in extensions.items():
        if _import(extension.kind, name).sha256 != extension.sha256:
            raise ExtensionError(f"{extension.kind}: the file of {name} was edited since the run began; undo that")


def remember(extensions: Mapping[str, Extension]) -> None:
    """Let points that name `extensions` be read, without importing any."""
    for name, extension in extensions.items():
        _recorded[name] = extension
        if name not in _origins:
            REGISTRIES[extension.kind][name] = _spec(extension)


def _import(kind: str, name: str) -> Extension:
    """Put the extension `name` into the registry of its kind and return what to record of it."""
    registry = REGISTRIES[kind]
    if name not in _origins:
        if name in _recorded:
            make_importable([_recorded[name].folder])
        imported: tuple[Any, Origin] = import_object(name, KINDS[kind])
        _check_prefix(name, imported[0])
        registry[name], _origins[name] = imported
    _origins[name].check_unchanged()
    return Extension(kind, _origins[name].sha256, _origins[name].folder, _about(registry[name]))


def _check_prefix(name: str, spec: Any) -> None:
    """Raise ExtensionError if the settings of `spec` could be taken for others."""
    if isinstance(spec, TaskSpec):
        return
    taken = {"smart.", "decode."}
    for kind in ("optimizer", "peft"):
        known = [key for key in REGISTRIES[kind] if not is_extension(key) or key in _origins]  # not what was only read
        taken |= {REGISTRIES[kind][key].settings.prefix for key in known if key != name}
    if (prefix := spec.settings.prefix) in taken or not re.fullmatch(r"\w+\.", prefix):
        raise ExtensionError(f"{name}: its settings need a prefix of their own, such as 'mine.', not {prefix!r}")


def _about(spec: Any) -> dict[str, Any]:
    """Return the plain values of a spec and the fields of its settings, as JSON has them."""
    plain = {field.name: getattr(spec, field.name) for field in dataclasses.fields(spec) if field.name not in CODE}
    about = {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}
    if not isinstance(spec, TaskSpec):
        about["prefix"] = spec.settings.prefix
        about["fields"] = {field.name: _field(field, hint) for field, hint in fields_of(spec.settings)}
    return about


def _field(field: "dataclasses.Field[Any]", hint: Any) -> dict[str, Any]:
    names = [getattr(one, "__name__", str(one)).replace("NoneType", "None") for one in alternatives(hint)]
    if not set(names) <= set(TYPES):
        raise ExtensionError(f"the type of the setting {field.name} must be one of {', '.join(TYPES)}, not {hint}")
    if "None" in names and field.default is not None:
        raise ExtensionError(f"the setting {field.name} may be None, so its default must be None: None means off")
    bounds: Bounds = field.metadata.get("bounds", Bounds(""))
    limits = {one.name: getattr(bounds, one.name) for one in dataclasses.fields(bounds) if one.name != "choices"}
    given = {} if field.default is dataclasses.MISSING else {"default": field.default}
    return {"types": names, "choices": bounds.choices and list(bounds.choices), **limits, **given}


def _spec(extension: Extension) -> Any:
    """Return a spec that describes an extension but cannot run it."""
    about = dict(extension.about)
    if extension.kind == "task":
        for name in ("metrics", "answers", "sets"):
            about[name] = tuple(about[name])
        return TaskSpec(**about)
    settings = _settings(about.pop("prefix"), about.pop("fields"))
    if extension.kind == "optimizer":
        return OptimizerSpec(settings=settings, build=_refuse, state_bytes=_refuse, **about)
    return PEFTSpec(settings=settings, apply=_refuse, merge=_refuse, trained_shapes=_refuse, **about)


def _settings(prefix: str, fields: Mapping[str, Mapping[str, Any]]) -> type[Settings]:
    made = []
    for name, raw in fields.items():
        rest = dict(raw)
        hint = functools.reduce(operator.or_, [TYPES[one] for one in rest.pop("types")])
        made.append((name, hint, setting(**rest)))
    return dataclasses.make_dataclass(
        "RecordedSettings", made, bases=(Settings,), namespace={"prefix": prefix}, frozen=True, kw_only=True
    )


def _refuse(*arguments: Any) -> Any:
    raise RuntimeError("an extension that was only read from a run cannot run: import it first")
