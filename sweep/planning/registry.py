"""Load spaces by name or path: `lora_rank`, `spaces/lora_rank.py`, `my/own.py`.

A space file is Python and runs with the user's rights; it must define one `space = Space(...)`. The modules beside it
can be imported, by the file itself and as extensions.
"""

import ast
import hashlib
import runpy
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from model.suggest import did_you_mean
from sweep.errors import SpaceError
from sweep.planning.axes import Choice, Grid, Range, as_axis, is_axis
from sweep.planning.importing import neighbours
from sweep.planning.shipped import shipped_spaces
from sweep.planning.space import Space

KINDS = ("choice", "grid", "loguniform", "quniform", "randint", "uniform")  # the functions that make axes


@dataclass(frozen=True)
class SpaceFile:
    """A space and the file that it was read from. `about` is the file's docstring."""

    path: Path
    about: str
    space: Space
    source: str

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.source.encode()).hexdigest()


def space_paths() -> dict[str, Path]:
    """Return the files of all spaces by name; those in ./spaces take precedence over those shipped with the package."""
    folders = (shipped_spaces(), Path("spaces"))
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.py"))}


def load_space(name: str) -> SpaceFile:
    """Run the space file `name` (a path, or the name of a known space). Raise SpaceError, naming the file."""
    path, known = Path(name).expanduser(), space_paths()
    if path.suffix == ".py" and path.is_file():
        return _read(path)
    if name in known:
        return _read(known[name])
    if path.exists():
        raise SpaceError(
            f"{name}: is {'a folder' if path.is_dir() else 'not a .py file'}; give the path of a space file"
        )
    names = f"{did_you_mean(path.stem, known)}Known: {', '.join(known)}"
    if path.suffix != ".py" and path.parent == Path("."):
        raise SpaceError(f"unknown space {name!r}: {names}, or the path of a .py file")
    if path.stem in known:
        raise SpaceError(f"{name}: no such file; the space {path.stem!r} is in {known[path.stem]}")
    raise SpaceError(f"{name}: no such file. As a name of a space: {names}")


def space_file(space: Space) -> SpaceFile:
    """Return `space`, which was made in Python, as if it had been read from a file called space.py."""
    return SpaceFile(Path("space.py"), "", space, render(space))


def render(space: Space) -> str:
    """Return the source of a space file that defines `space`."""
    default = Space()
    given = [
        f"    {field.name}={_literal(getattr(space, field.name))},"
        for field in fields(Space)
        if getattr(space, field.name) != getattr(default, field.name)
    ]
    names = ", ".join(["Space", *KINDS])
    return f"from sweep import {names}\n\nspace = Space(\n" + "\n".join(given) + "\n)\n"


def _literal(value: Any) -> str:
    """Return a Python expression for a field of a space. Axes are written as the calls that made them."""
    if is_axis(value):
        value = as_axis("", value)
    if isinstance(value, Grid | Choice):
        return f"{type(value).__name__.lower()}({', '.join(map(_literal, value.values))})"
    if isinstance(value, Range):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return repr(value)


def _read(path: Path) -> SpaceFile:
    try:
        source = path.read_text(encoding="utf-8")
        about = ast.get_docstring(ast.parse(source, str(path))) or ""
        with neighbours(path.absolute().parent):
            namespace = runpy.run_path(str(path))
    except SpaceError as error:
        raise SpaceError(f"{path}: {error}") from None
    except SyntaxError as error:
        where = f"{error.filename}:{error.lineno}"
        text = f": {error.text.strip()}" if error.text else ""
        raise SpaceError(f"{where}: the space file raised {type(error).__name__}: {error.msg}{text}") from error
    except SystemExit as error:
        message = f"the space file ended Python with exit code {error.code}; it may only define `space`"
        raise SpaceError(f"{_place(path, error)}: {message}") from error
    except Exception as error:  # the file is the user's code, which may raise anything
        raise SpaceError(f"{_place(path, error)}: the space file raised {type(error).__name__}: {error}") from error
    space = namespace.get("space")
    if not isinstance(space, Space):
        found = "there is no `space`" if space is None else f"`space` is a {type(space).__name__}"
        raise SpaceError(f"{path}: must define `space = Space(...)`, but {found}")
    return SpaceFile(path, about, space, source)


def _place(path: Path, error: BaseException) -> str:
    """Return the line of the space file that `error` comes from, as path:line."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return f"{path}:{lines[-1]}" if lines else str(path)
