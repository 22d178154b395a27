"""Import objects from outside this package, named `module:name`, and hash their source.

A module is Python and runs with the user's rights. Only names from the user's own code, space file or command are
imported; `extensions.py` reads other people's runs without importing the extensions in them.
"""

import importlib
import importlib.machinery
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

from sweep.errors import ExtensionError
from sweep.planning.module_hash import module_sha256

T = TypeVar("T")
_appended: set[str] = set()  # the folders that were made importable


@dataclass(frozen=True)
class Origin:
    """The file that an object was imported from."""

    file: Path
    folder: str  # the entry of `sys.path` that the module's name starts from
    sha256: str  # of the file and of the modules beside it that it imports

    def check_unchanged(self) -> None:
        """Raise ExtensionError if the file was edited since it was imported."""
        if not self._is_unchanged():
            raise ExtensionError(
                f"{self.file}, or a module it imports, was edited after this process imported it: start Python again"
            )
        if (found := _folder_now(self.file, self.folder)) != self.folder:
            raise ExtensionError(f"this process has imported {self.file}, not the one in {found}: start Python again")

    def _is_unchanged(self) -> bool:
        try:
            return module_sha256(self.file, Path(self.folder)) == self.sha256
        except (OSError, SyntaxError):
            return False


def is_extension(name: object) -> TypeGuard[str]:
    """Return whether `name` has the form `module:name`."""
    return isinstance(name, str) and ":" in name


def make_importable(folders: Iterable[str | Path]) -> None:
    """Append `folders` to `sys.path`, so that modules in them can be imported but hide no others."""
    for folder in map(str, folders):
        if folder not in sys.path:
            sys.path.append(folder)
            _appended.add(folder)


@contextmanager
def neighbours(folder: Path) -> Iterator[None]:
    """Let a space file import the modules in `folder`, as they are now.

    They hide modules in the folders of other space files, but no installed ones, and are forgotten afterwards: another
    space file finds its own neighbours under the same names. The folder stays importable, for extensions.
    """
    make_importable([folder])
    if str(folder) in _appended:
        sys.path.remove(str(folder))
        first = next((place for place, one in enumerate(sys.path) if one in _appended), len(sys.path))
        sys.path.insert(first, str(folder))
    importlib.invalidate_caches()
    before = set(sys.modules)
    try:
        yield
    finally:
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if file is not None and folder in Path(file).parents:
                del sys.modules[name]


def import_object(reference: str, kind: type[T]) -> tuple[T, Origin]:
    """Import `module:name`. Raise ExtensionError if that fails or the object is not a `kind`."""
    module_name, _, name = reference.partition(":")
    try:
        module = importlib.import_module(module_name)
        found: Any = getattr(module, name)
        file = Path(str(module.__file__)).absolute()
        folder = file.parents[module_name.count(".") + (file.name == "__init__.py")]
        digest = module_sha256(file, folder)
    except (Exception, SystemExit) as error:  # the module is the user's code, which may raise anything
        raise ExtensionError(f"cannot import {reference}: {type(error).__name__}: {error}") from error
    if not isinstance(found, kind):
        raise ExtensionError(f"{reference} must be of type {kind.__name__}, not {type(found).__name__} ({file})")
    return found, Origin(file, str(folder), digest)


def _folder_now(file: Path, folder: str) -> str:
    """Return the entry of `sys.path` from which the module in `file` would be imported now; `folder` if from none."""
    top = file.relative_to(folder).parts[0].removesuffix(".py")
    spec = importlib.machinery.PathFinder.find_spec(top)
    if spec is None or spec.origin is None:
        return folder
    found = Path(spec.origin)
    return str(found.parents[1 if found.name == "__init__.py" else 0])
