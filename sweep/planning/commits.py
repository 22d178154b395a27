"""The git commits that a run records: that of this package, and that of the user's working folder."""

import subprocess
from pathlib import Path


def tool_commit() -> str | None:
    """Return the commit of this package, with "+" if tracked files were changed; None if it is not in a checkout.

    An installed package may lie inside a checkout of something else, which does not track its files.
    """
    file = Path(__file__)
    if _git("-C", str(file.parent), "ls-files", "--error-unmatch", file.name) is None:
        return None
    return _commit(file.parent)


def folder_commit() -> str | None:
    """Return the commit of the working folder, with "+" if tracked files were changed; None outside a checkout."""
    return _commit(Path())


def _commit(folder: Path) -> str | None:
    commit = _git("-C", str(folder), "rev-parse", "HEAD")
    if commit is None:
        return None
    return commit + ("+" if _git("-C", str(folder), "status", "--porcelain", "--untracked-files=no") else "")


def _git(*arguments: str) -> str | None:
    try:
        result = subprocess.run(
            ["git", "--no-optional-locks", *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()
