"""Find the files of a user's own data: one file, a folder of splits, the common start of their paths, or a hub's.

A hub's data set is `owner/name` or `owner/name:config`. Only its Parquet files are read; its code never runs.
"""

import functools
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.errors import AbsentError, DataError, HubError
from model.pretrained.hub import download, list_files
from model.tasks.data.formats import READERS, kind_of

log = logging.getLogger(__name__)

WHOLE = "all"  # the split of a file that is not split yet
SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    "test": "test",
    **dict.fromkeys(("dev", "val", "valid", "validation", "eval"), "dev"),
}
SPLIT = re.compile(rf"(?<![a-z])({'|'.join(SPLIT_WORDS)})(?![a-z])")
SHARD = re.compile(r"\d+-of-\d+|(?<!\d)\d{4,5}(?!\d)")  # number of a part of a file
HUB_DATA = re.compile(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?::([\w.-]+))?")
MOVE = "move one of them away, or name one set by what its files' paths begin with"
DOWNLOAD = "download the files of one set and give their folder as data"
COPY = "give the path of a copy as data"
CONVERTED = "refs/convert/parquet"  # the branch on which the hub keeps Parquet copies of other formats


@dataclass(frozen=True)
class Places:
    """The files of each split; those of WHOLE are not split yet. `revision` is the commit of a hub's data."""

    files: Mapping[str, tuple[Path, ...]]
    revision: str | None = None

    @property
    def named(self) -> dict[str, Path]:
        """Return every file by its split; further files of a split are numbered."""
        return {
            f"{split}.{number}" if number else split: path
            for split, paths in self.files.items()
            for number, path in enumerate(paths)
        }


def find_places(data: str, revision: str | None) -> Places:
    """Return the files of `data`. Raise DataError if there are none, or it is unclear which."""
    path = Path(data).expanduser()
    if path.is_file():
        return Places({WHOLE: (path,)})
    files = (
        _below(path) if path.is_dir() else [file for file in _tables(path.parent) if file.name.startswith(path.name)]
    )
    if files:
        names = {file: str(file.relative_to(path) if path.is_dir() else file.name[len(path.name) :]) for file in files}
        return Places(_by_split(data, names))
    if (named := HUB_DATA.fullmatch(data)) is not None and not path.exists():
        return _on_hub(data, named[1], named[2], revision)
    endings = ", ".join(READERS)
    raise DataError(
        f"data {data!r} is no file, no folder with files that end in {endings}, and no data set owner/name of a hub; "
        "give the path of one of these"
    )


def _tables(folder: Path) -> list[Path]:
    """Return the files in `folder` that can be read, sorted by name, or none if the folder cannot be listed."""
    try:
        return sorted(path for path in folder.iterdir() if kind_of(path) in READERS and path.is_file())
    except OSError:
        return []


def _below(folder: Path) -> list[Path]:
    """Return the files in `folder`, or if there are none, those in its subfolders."""
    here = _tables(folder)
    return here or [file for below in sorted(folder.iterdir()) if below.is_dir() for file in _tables(below)]


def _word(name: str) -> str | None:
    """Return the word in a path that names a split: in the file's name, else in the innermost folder with one."""
    words = (SPLIT.search(part) for part in reversed(name.lower().split("/")))
    return next((word[1] for word in words if word is not None), None)


def _by_split(data: str, names: Mapping[Path, str], remedy: str = MOVE) -> dict[str, tuple[Path, ...]]:
    """Return the files of each split, found by a word in their `names`. Raise DataError if that is ambiguous."""
    found: dict[str, list[Path]] = {}
    for file, name in names.items():
        if (word := _word(name)) is not None:
            found.setdefault(SPLIT_WORDS[word], []).append(file)
    if not found and len(names) == 1:
        return {WHOLE: tuple(names)}
    for split, files in found.items():
        if len({SHARD.sub("", names[file]) for file in files}) > 1:
            raise DataError(f"data {data!r} has two {split} files, {names[files[0]]} and {names[files[1]]}; {remedy}")
    if "train" not in found:
        raise DataError(
            f"data {data!r} has no train file among {', '.join(list(names.values())[:5])}; give one file, or put the "
            "word train in the name of the training file"
        )
    return {split: tuple(found[split]) for split in ("train", "dev", "test") if split in found}


@functools.cache
def _on_hub(data: str, repository: str, config: str | None, revision: str | None) -> Places:
    """Download the Parquet files of a data set. Cached, because every training run looks for its data."""
    try:
        branch, commit, names = _listed(repository, revision)
        chosen = {Path(name): name for name in _without_dev(data, _of_config(data, config, names))}
        return Places(
            {
                split: tuple(_downloaded(repository, str(name), branch, commit) for name in parts)
                for split, parts in _by_split(data, chosen, DOWNLOAD).items()
            },
            commit,
        )
    except AbsentError as error:
        raise DataError(f"data {data!r} is no file or folder here, and {error}") from error
    except HubError as error:
        raise DataError(f"data {data!r}: {error}") from error


def _listed(repository: str, revision: str | None) -> tuple[str | None, str, list[str]]:
    """Return the branch, commit and Parquet files of a data set, the hub's copies if it has no own. Raise HubError."""
    commit, names = list_files(repository, revision, kind="dataset", copy=COPY)
    if _parquet(names) or revision is not None:
        return revision, commit, _parquet(names)
    try:
        commit, names = list_files(repository, CONVERTED, kind="dataset", copy=COPY)
    except HubError:
        return None, commit, []
    return CONVERTED, commit, _parquet(names)


def _downloaded(repository: str, name: str, branch: str | None, commit: str) -> Path:
    """Return a file of a data set, from the cache if possible. Raise HubError."""
    path = download(repository, name, branch, kind="dataset", copy=COPY, choose=COPY)
    if path.parents[len(Path(name).parts) - 1].name != commit:  # the cache keeps files in snapshots/<commit>/
        raise HubError(f"the hub's {repository} changed during the download; run the command again")
    return path


def _without_dev(data: str, names: Sequence[str]) -> list[str]:
    """Return a hub's files without those of a split "dev" beside "validation": it holds examples for prompts."""
    dev = [name for name in names if _word(name) == "dev"]
    if not dev or "validation" not in map(_word, names):
        return list(names)
    log.warning("%s: the dev split is the hub's validation split; its split dev (%s) is left out", data, dev[0])
    return [name for name in names if name not in dev]


def _parquet(names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if name.endswith(".parquet"))


def _of_config(data: str, config: str | None, names: Sequence[str]) -> list[str]:
    """Return those of a hub's Parquet files that belong to `config`: a folder's name. Raise DataError."""
    if not names:
        raise DataError(
            f"data {data!r} has no Parquet files on the hub, and code of data sets is never run; download its files "
            "and give their folder as data"
        )
    folders = dict.fromkeys(name.partition("/")[0] if "/" in name else "data" for name in names)
    if config is None:
        usual = [folder for folder in folders if folder in ("data", "default", "plain_text") or len(folders) == 1]
        config = usual[0] if usual else None
    if config not in folders:
        known = ", ".join(folders)
        raise DataError(f"data {data!r} needs one of its configurations: {known}; write {data.split(':')[0]}:NAME")
    return [name for name in names if (name.partition("/")[0] if "/" in name else "data") == config]
