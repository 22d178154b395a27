"""Find the files of a labelled data set: shipped with this package, on a hub, or on this disk.

The setting `data` is a name that the task knows, a folder, or the common beginning of the files' paths: `data/quora`
stands for data/quora-train.csv, data/quora-dev.csv and data/quora-test-student.csv.
"""

import functools
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from model.errors import DataError, HubError
from model.pretrained.hub import download

ASSETS = Path(__file__).parents[2] / "assets"
SPLITS = ("train", "dev", "test")
NEEDED = ("train", "dev")
SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
# A split's name within a file's name, as a word of its own: "latest-train.csv" is no test split.
SPLIT_WORD = re.compile(r"(?<![a-z])(train|dev|validation|test)(?![a-z])")


@dataclass(frozen=True)
class OnHub:
    """A set in a dataset repository of the hub; `files` by split."""

    repository: str
    files: Mapping[str, str]

    def find(self, name: str) -> dict[str, Path]:
        """Return the file of each split. Raise DataError if the hub does not give them."""
        try:
            return {split: _downloaded(self.repository, file) for split, file in self.files.items()}
        except HubError as error:
            raise DataError(f"data {name!r}: {error}") from error


@functools.cache
def _downloaded(repository: str, file: str) -> Path:
    """Return a file of a data set on the hub. The hub is asked once per process: every training looks for its data."""
    copy = "give the folder of a copy as data"
    return download(repository, file, kind="dataset", copy=copy, choose=f"it is not what it was: {copy}")


def find_files(data: str, known: Mapping[str, Path | OnHub]) -> dict[str, Path]:
    """Return the file of each split of `data`; a test split may be absent. Raise DataError.

    `known`: sets by name, on a hub or as a folder of <split>.tsv files.
    """
    if (found := known.get(data)) is not None:
        return found.find(data) if isinstance(found, OnHub) else {split: found / f"{split}.tsv" for split in SPLITS}
    path = Path(data).expanduser()
    if path.is_file():
        raise DataError(
            f"data {data!r} is one file, but training needs a split of its own for development; give the folder of "
            "both, or the beginning of their paths"
        )
    folder, prefix = (path, "") if path.is_dir() else (path.parent, path.name)
    files = [file for file in _tables(folder) if file.name.startswith(prefix)]
    if not files:
        raise DataError(
            f"data {data!r} is no folder of {', '.join(SUFFIXES)} files, nor the beginning of their paths, nor a "
            f"known set ({', '.join(known)}); give one of these"
        )
    return _by_split(data, files, prefix)


def files_sha256(files: Mapping[str, Path]) -> str:
    """Return the hash of all files of a set and the names of their splits. Raise DataError."""
    digest = hashlib.sha256()
    for split, path in sorted(files.items()):
        try:
            with path.open("rb") as file:
                digest.update(split.encode() + hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}; put a good copy there") from error
    return digest.hexdigest()


def _tables(folder: Path) -> list[Path]:
    """Return the tables in `folder` by name, none if it is not a folder that can be read."""
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    except OSError:
        return []


def _by_split(data: str, files: Iterable[Path], prefix: str) -> dict[str, Path]:
    """Return the file of each split, by the word behind `prefix` in its name. Raise DataError."""
    found: dict[str, Path] = {}
    for file in files:
        word = SPLIT_WORD.search(file.name.removeprefix(prefix).lower())
        if word is None:
            continue
        split = "dev" if word[1] == "validation" else word[1]
        if split in found:
            one, other = (_common(path, word.start() + len(prefix)) for path in (found[split], file))
            remedy = f"name one set by what its files' paths begin with, such as {other}"
            if other.name.startswith(one.name) or one.name.startswith(other.name):
                remedy = "move one of them away"
            raise DataError(f"data {data!r} has two {split} files, {found[split].name} and {file.name}; {remedy}")
        found[split] = file
    for split in NEEDED:
        if split not in found:
            raise DataError(
                f"data {data!r} has no {split} file; put one beside it whose name has the word {split} in it, "
                f"such as {data.rstrip('/')}{'/' if not prefix else '-'}{split}.tsv"
            )
    return found


def _common(file: Path, end: int) -> Path:
    """Return the path of `file` up to character `end` of its name, without a dash there."""
    return file.with_name(file.name[:end].rstrip("-_.") or file.name)
