"""Find the files of a labelled data set: shipped with this package, on a hub, or on the local disk.

The setting `data` is a name known to the task, a folder, or the common prefix of the files' paths: `data/quora` stands
for data/quora-train.csv, data/quora-dev.csv and data/quora-test-student.csv.
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
# The name of a split as a separate word in a file name: "latest-train.csv" is not a test split.
SPLIT_WORD = re.compile(r"(?<![a-z])(train|dev|validation|test)(?![a-z])")


@dataclass(frozen=True)
class OnHub:
    """A data set in a repository of a hub. `files` holds the file name of each split."""

    repository: str
    files: Mapping[str, str]

    def find(self, name: str) -> dict[str, Path]:
        """Return the file of each split. Raise DataError if one cannot be downloaded."""
        try:
            return {split: _downloaded(self.repository, file) for split, file in self.files.items()}
        except HubError as error:
            raise DataError(f"data {name!r}: {error}") from error


@functools.cache
def _downloaded(repository: str, file: str) -> Path:
    """Return a file of a data set on the hub. The result is cached, because every training run looks for its data."""
    copy = "give the folder of a copy as data"
    return download(repository, file, kind="dataset", copy=copy, choose=f"it is not what it was: {copy}")


def find_files(data: str, known: Mapping[str, Path | OnHub]) -> dict[str, Path]:
    """Return the file of each split of `data`. The test split is optional. Raise DataError.

    `known` holds the named data sets, each on a hub or as a folder of <split>.tsv files.
    """
    if (found := known.get(data)) is not None:
        return found.find(data) if isinstance(found, OnHub) else {split: found / f"{split}.tsv" for split in SPLITS}
    path = Path(data).expanduser()
    if path.is_file():
        raise DataError(
            f"data {data!r} is one file, but training also needs a dev split; give the folder of both files, or the "
            "common prefix of their paths"
        )
    folder, prefix = (path, "") if path.is_dir() else (path.parent, path.name)
    files = [file for file in _tables(folder) if file.name.startswith(prefix)]
    if not files:
        raise DataError(
            f"data {data!r} is not a folder of {', '.join(SUFFIXES)} files, a common prefix of their paths, or a "
            f"known data set ({', '.join(known)}); give one of these"
        )
    return _by_split(data, files, prefix)


def files_sha256(files: Mapping[str, Path]) -> str:
    """Return the hash of the files and split names of a data set. Raise DataError."""
    digest = hashlib.sha256()
    for split, path in sorted(files.items()):
        try:
            with path.open("rb") as file:
                digest.update(split.encode() + hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}; put a good copy there") from error
    return digest.hexdigest()


def _tables(folder: Path) -> list[Path]:
    """Return the table files in `folder`, sorted by name, or none if the folder cannot be read."""
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    except OSError:
        return []


def _by_split(data: str, files: Iterable[Path], prefix: str) -> dict[str, Path]:
    """Return the file of each split, found by the split name after `prefix` in its name. Raise DataError."""
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
                f"data {data!r} has no {split} file; add one whose name contains the word {split}, "
                f"such as {data.rstrip('/')}{'/' if not prefix else '-'}{split}.tsv"
            )
    return found


def _common(file: Path, end: int) -> Path:
    """Return the path of `file` with its name cut at character `end`, without trailing separators."""
    return file.with_name(file.name[:end].rstrip("-_.") or file.name)
