"""The hash of a module and of the user's own modules that it imports: what an extension computes depends on all."""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

INSTALLED = {"site-packages", "dist-packages"}  # packages that lie there are identified by their own files alone


def module_sha256(file: Path, folder: Path) -> str:
    """Return the hash of the module in `file`, with the modules that it imports from `folder`.

    `folder` is the entry of `sys.path` that the module was imported from. Imports are found in the source, at any
    level; a module that imports nothing from the folder has the SHA-256 of its file. Raise OSError or SyntaxError if a
    file cannot be read.
    """
    digests = {path.relative_to(folder).as_posix(): _digest(path) for path in _used(file, folder)}
    if len(digests) == 1:
        return digests.popitem()[1]
    return hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _used(file: Path, folder: Path) -> set[Path]:
    """Return `file` and the files below `folder` that it imports, directly or not."""
    found: set[Path] = set()
    waiting = [file]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            if not INSTALLED & set(folder.parts):
                waiting += _imports(path, folder)
    return found


def _imports(path: Path, folder: Path) -> Iterator[Path]:
    """Yield the files below `folder` of the modules that the module in `path` imports, with their packages."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(folder, alias.name)
        elif isinstance(node, ast.ImportFrom):
            start = path.parents[node.level - 1] if node.level else folder
            names = [node.module] if node.module else []
            yield from _files(start, *names)
            for alias in node.names:
                yield from _files(start, *names, alias.name)


def _files(folder: Path, *names: str) -> Iterator[Path]:
    """Yield the files of a module in `folder` and of the packages around it, as far as they exist."""
    place = folder
    for name in ".".join(names).split("."):
        place = place / name
        for file in (place.with_name(f"{name}.py"), place / "__init__.py"):
            if name and file.is_file():
                yield file
