"""Extensions: optimizers, PEFT methods, tasks and report formats from outside this package, named `module:name`.

An extension is Python and runs with the user's rights. Only one that the user's own code, space file or command names
is imported; `sweep.planning.extensions` reads recorded runs without importing theirs.
"""

import hashlib
import importlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

from model.errors import ExtensionError

T = TypeVar("T")


@dataclass(frozen=True)
class Origin:
    """Where the module of an extension was imported from."""

    file: Path
    folder: str  # the entry of `sys.path`
    sha256: str  # of the file


_origins: dict[str, Origin] = {}  # of everything that this process has imported, by `module:name`


def is_extension(name: object) -> TypeGuard[str]:
    """Return whether `name` has the form `module:name`."""
    return isinstance(name, str) and ":" in name


def is_imported(reference: str) -> bool:
    """Return whether this process has imported `reference`."""
    return reference in _origins


def make_importable(folders: Iterable[str | Path]) -> None:
    """Let modules be imported from `folders`, after all others."""
    for folder in map(str, folders):
        if folder not in sys.path:
            sys.path.append(folder)


def import_extension(reference: str, kind: type[T], key: str) -> T:
    """Return the object that `reference` names. Raise ExtensionError, naming the setting `key`, if it is no `kind`."""
    module_name, _, name = reference.partition(":")
    try:
        module = importlib.import_module(module_name)
        found: Any = getattr(module, name)
        file = Path(str(module.__file__)).absolute()
        digest = _sha256(file)
    except Exception as error:  # the module is the user's code: anything may come out of it
        raise ExtensionError(key, f"cannot import {reference!r}: {type(error).__name__}: {error}") from error
    if not isinstance(found, kind):
        raise ExtensionError(key, f"{reference!r} must be a {kind.__name__}, but is a {type(found).__name__} ({file})")
    depth = module_name.count(".") + (file.name == "__init__.py")
    _origins[reference] = Origin(file, str(file.parents[depth]), digest)
    return found


def origin_of(reference: str, key: str) -> Origin:
    """Return where the imported `reference` came from. Raise ExtensionError if its file was edited since."""
    origin = _origins[reference]
    if _sha256(origin.file) != origin.sha256:
        raise ExtensionError(key, f"{origin.file} was edited after this process imported it: start Python again")
    return origin


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
