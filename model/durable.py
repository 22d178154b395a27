"""File writes that survive a power loss."""

import os
from pathlib import Path


def write_through(path: Path, data: bytes) -> None:
    """Write `data` to `path` and flush it to disk. A new file also needs `flush_folder` on its parent folder."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Flush the directory entries of `folder` to disk, so that files created or renamed in it survive a power loss."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
