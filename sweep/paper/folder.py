"""Write the files of a paper to its folder: all or none, and never over what somebody else wrote."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sweep.errors import InfrastructureError, UsageError

MARK = "Written by `sweep paper`, which replaces this file when it is called again. Copy what you want to edit."
MAIN = "main.tex"
COMMENTS = {".tex": "% {}", ".bib": "% {}", ".md": "<!-- {} -->"}


def check_folder(folder: Path, force: bool = False) -> None:
    """Raise UsageError if `folder` is a file, or holds something other than a paper of this tool (unless `force`)."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--to: {folder} is a file; name a folder")
    if folder.is_dir() and any(folder.iterdir()) and not force and not is_paper(folder):
        raise UsageError(
            f"--to: {folder} is not empty, and was not written by `sweep paper`; name another folder, or add --force: "
            "it replaces files of the same names, and keeps all others"
        )


def is_paper(folder: Path) -> bool:
    """Return whether `sweep paper` wrote the document in `folder`."""
    return _is_marked(folder / MAIN)


def write_folder(folder: Path, files: Mapping[str, str | bytes], force: bool = False) -> None:
    """Write `files`, by their paths in `folder`. Files that an earlier call wrote, and this one did not, are removed.

    The files are written to a temporary folder beside it first, so that a full disk leaves `folder` as it was. Raise
    UsageError if the folder holds something else (unless `force`), InfrastructureError if it cannot be written.
    """
    check_folder(folder, force)
    folder = folder.absolute()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
            made = Path(temporary) / folder.name
            for name, content in files.items():
                (made / name).parent.mkdir(parents=True, exist_ok=True)
                (made / name).write_bytes(content if isinstance(content, bytes) else _marked(name, content).encode())
            _move(made, folder, list(files))
    except OSError as error:
        raise InfrastructureError(
            f"cannot write to {folder}: {error.strerror or error}; free space, or name another folder"
        ) from error


def _move(made: Path, folder: Path, names: list[str]) -> None:
    if not folder.exists():
        made.rename(folder)
        return
    stale = [path for path in sorted(folder.rglob("*")) if path.suffix in COMMENTS and _is_marked(path)]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(made / name, folder / name)
    for path in stale:
        if str(path.relative_to(folder)) not in names:
            path.unlink()


def _marked(name: str, content: str) -> str:
    """Return the text of a file below the line that says who wrote it."""
    return f"{COMMENTS[Path(name).suffix].format(MARK)}\n{content.rstrip()}\n"


def _is_marked(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return MARK in file.readline()
    except OSError:
        return False
