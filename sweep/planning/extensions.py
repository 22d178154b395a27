"""Extensions: optimizers, PEFT methods and tasks from outside this package.

Running or resuming a run imports its extensions, on the driver and on every worker. The run also records a description
of them, so that reading it (for a report or the cache) never runs their code.
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
CODE = ("load", "find", "settings", "build", "state_bytes", "apply", "merge", "trained_shapes")  # a spec's code


@dataclass(frozen=True)
class Extension:
    """What a run records about one extension."""

    kind: str  # task, optimizer or peft: the setting that names the extension
    sha256: str  # of the module's file
    folder: str  # the entry of `sys.path` that the module is imported from
    about: Mapping[str, Any]  # the spec's plain values, and the fields of its settings


_origins: dict[str, Origin] = {}  # the extensions that this process has imported, by `module:name`
_recorded: dict[str, Extension] = {}  # the extensions that this process has read from runs, by `module:name`


def references(point: Point) -> dict[str, str]:
    """Return the extensions that `point` uses: setting (task, optimizer or peft) -> `module:name`."""
    chosen = {kind: getattr(point.train, kind) for kind in REGISTRIES}
    return {kind: name for kind, name in chosen.items() if is_extension(name)}


def import_named(settings: Mapping[str, Any]) -> None:
    """Import every extension named in `settings`, as a plain value or on an axis. Raise ExtensionError if one fails."""
    for kind in REGISTRIES:
        value = settings.get(kind)
        for name in (as_axis(kind, value).values or ()) if is_axis(value) else (value,):
            if is_extension(name):
                _import(kind, name)


def record(points: Iterable[Point]) -> dict[str, Extension]:
    """Import the extensions of `points` and return their records by name. Raise ExtensionError if one fails."""
    named = {name: kind for point in points for kind, name in references(point).items()}
    return {name: _import(kind, name) for name, kind in named.items()}


def import_recorded(extensions: Mapping[str, Extension]) -> None:
    """Import `extensions` from their recorded folders. Raise ExtensionError if one is missing or was edited since."""
    _recorded.update(extensions)
    for name, extension in extensions.items():
        if _import(extension.kind, name).sha256 != extension.sha256:
            raise ExtensionError(f"{extension.kind}: the file of {name} was edited since the run began; undo that")


def remember(extensions: Mapping[str, Extension]) -> None:
    """Register the recorded `extensions`, without importing them, so that points that name them can be read."""
    for name, extension in extensions.items():
        _recorded[name] = extension
        if name not in _origins:
            REGISTRIES[extension.kind][name] = _spec(extension)


def _import(kind: str, name: str) -> Extension:
    """Add the extension `name` to the registry of its kind and return its record."""
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
    """Raise ExtensionError if the settings of `spec` share a prefix with other settings."""
    if isinstance(spec, TaskSpec):
        return
    taken = {"smart.", "decode."}
    for kind in ("optimizer", "peft"):
        known = [key for key in REGISTRIES[kind] if not is_extension(key) or key in _origins]  # not if only read
        taken |= {REGISTRIES[kind][key].settings.prefix for key in known if key != name}
    if (prefix := spec.settings.prefix) in taken or not re.fullmatch(r"\w+\.", prefix):
        raise ExtensionError(f"{name}: its settings need a prefix of their own, such as 'mine.', not {prefix!r}")


def _about(spec: Any) -> dict[str, Any]:
    """Return the plain values of a spec and the fields of its settings, ready for JSON."""
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
    """Return a spec that describes a recorded extension but cannot run it."""
    about = dict(extension.about)
    if extension.kind == "task":
        for name in ("metrics", "answers", "sets", "columns"):
            about[name] = tuple(about.get(name, ()))  # runs of earlier versions have no columns
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
    raise RuntimeError("this extension was only read from a run's record and cannot run: import it first")
