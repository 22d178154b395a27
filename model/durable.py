"""Files and names that outlast a loss of power."""

import os
from pathlib import Path


def write_through(path: Path, data: bytes) -> None:
    """Write `path` and flush it to the disk. Its name lasts once `flush_folder` has seen to its folder."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Flush the names in `folder` to the disk: of files that were made in it, or renamed into it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
