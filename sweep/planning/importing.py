"""Import objects from outside this package, named `module:name`, and hash their source.

A module is Python and runs with the user's rights. Only names from the user's own code, space file or command are
imported; `extensions.py` reads other people's runs without importing the extensions in them.
"""

import hashlib
import importlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

from sweep.errors import ExtensionError

T = TypeVar("T")


@dataclass(frozen=True)
class Origin:
    """The file that an object was imported from."""

    file: Path
    folder: str  # the entry of `sys.path` that the module's name starts from
    sha256: str  # of the file

    def check_unchanged(self) -> None:
        """Raise ExtensionError if the file was edited since it was imported."""
        if _sha256(self.file) != self.sha256:
            raise ExtensionError(f"{self.file} was edited after this process imported it: start Python again")


def is_extension(name: object) -> TypeGuard[str]:
    """Return whether `name` has the form `module:name`."""
    return isinstance(name, str) and ":" in name


def make_importable(folders: Iterable[str | Path]) -> None:
    """Append `folders` to `sys.path`, so that modules in them can be imported but hide no others."""
    for folder in map(str, folders):
        if folder not in sys.path:
            sys.path.append(folder)


def import_object(reference: str, kind: type[T]) -> tuple[T, Origin]:
    """Import `module:name`. Raise ExtensionError if that fails or the object is not a `kind`."""
    module_name, _, name = reference.partition(":")
    try:
        module = importlib.import_module(module_name)
        found: Any = getattr(module, name)
        file = Path(str(module.__file__)).absolute()
        digest = _sha256(file)
    except Exception as error:  # the module is the user's code, which may raise anything
        raise ExtensionError(f"cannot import {reference}: {type(error).__name__}: {error}") from error
    if not isinstance(found, kind):
        raise ExtensionError(f"{reference} must be of type {kind.__name__}, not {type(found).__name__} ({file})")
    depth = module_name.count(".") + (file.name == "__init__.py")
    return found, Origin(file, str(file.parents[depth]), digest)


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
