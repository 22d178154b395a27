"""Data of the sonnet task: poems in one text file, or in the course's files of training and held-out sonnets.

The shipped file and the course's files have the same format: a header, then each sonnet as its number on a line of its
own (18, 18. or 18) are understood), followed by its lines. In a file without numbers, blank lines part the poems. The
first 124 of 154 sonnets are for training, the next 15 for development and the last 15 for testing. Other files are
split in the same proportions.

The course's files: sonnets.txt is for training; sonnets_held_out_dev.txt holds the first three lines of the development
sonnets and TRUE_sonnets_held_out_dev.txt the whole ones; likewise, without "dev", those for testing.
"""

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.errors import DataError
from model.pretrained.tokenizer import Tokenizer
from model.tasks.data.sources import ASSETS, files_sha256

log = logging.getLogger(__name__)

SHIPPED = ASSETS / "sonnets" / "sonnets.txt"
NUMBER = re.compile(r"\(?\d+[.)]?")
HELD_OUT_NAME = re.compile(r"held[-_ ]?out", re.IGNORECASE)
PROMPT_LINES = 3
HELD_OUT = 15 / 154  # fraction of the sonnets in the dev split, and in the test split


@dataclass(frozen=True)
class Sonnet:
    """A sonnet, split into prompt and rest. `prompt` ends with a line break."""

    number: str  # the line before it
    prompt: str
    rest: str

    @property
    def text(self) -> str:
        return self.prompt + self.rest


@dataclass(frozen=True)
class SonnetData:
    """The file that holds the sonnets."""

    path: Path

    @property
    def files(self) -> Mapping[str, Path]:
        return {"all": self.path}

    def sha256(self) -> str:
        """Return the hash of the file, and log how many poems are skipped. Raise DataError if it cannot be used."""
        _, skipped, sha256 = self.read()
        if skipped:
            log.warning("%s: %d poems of at most %d lines are left out", self.path, skipped, PROMPT_LINES)
        return sha256

    def digest(self) -> str:
        """Return the hash of all files. Raise DataError if one cannot be used."""
        return self.read()[2]

    def splits(self) -> dict[str, list[Sonnet]]:
        """Return the sonnets of train, dev and test. Raise DataError."""
        return split_sonnets(self.read()[0])

    def size(self, split: str) -> int:
        """Return the number of sonnets in a split. Raise DataError."""
        return len(self.splits()[split])

    def inputs(self, split: str) -> Iterator[str]:
        """Yield each sonnet of a split. Raise DataError."""
        return (sonnet.text for sonnet in self.splits()[split])

    def check_room(self, tokenizer: Tokenizer, positions: int) -> None:
        """Raise DataError if a prompt to generate from leaves no position for a new token."""
        splits = self.splits()
        for sonnet in (*splits["dev"], *splits["test"]):
            tokens = len(tokenizer.encode(sonnet.prompt))
            if tokens >= positions:
                raise DataError(
                    f"{self.path}: the first {PROMPT_LINES} lines of poem {sonnet.number} have {tokens} tokens, which "
                    f"leaves no room to continue it in the base's {positions} positions; shorten or remove the poem, "
                    "or use a larger base"
                )

    def read(self) -> tuple[list[Sonnet], int, str]:
        """Return all sonnets, the number of skipped poems, and the SHA-256 of the file. Raise DataError."""
        raw, poems = _read(self.path)
        sonnets, skipped = _sonnets(poems)
        if len(sonnets) < 3:
            raise DataError(
                f"{self.path} holds {len(sonnets)} numbered sonnets, or poems parted by blank lines, but each split "
                "needs one; put each sonnet's number on a line of its own before its lines, of which it needs "
                f"{PROMPT_LINES + 1}"
            )
        return sonnets, skipped, hashlib.sha256(raw).hexdigest()


@dataclass(frozen=True)
class CourseSonnets(SonnetData):
    """A file of training sonnets, with files of held-out ones: their prompts, and if known, the whole sonnets."""

    prompts: Mapping[str, Path]  # by split
    whole: Mapping[str, Path]

    @property
    def files(self) -> Mapping[str, Path]:
        true = {f"true {split}": path for split, path in self.whole.items()}
        return {"train": self.path, **self.prompts, **true}

    def sha256(self) -> str:
        """Return the hash of all files. Raise DataError if one cannot be used."""
        self.splits()
        return self.digest()

    def digest(self) -> str:
        return files_sha256(self.files)

    def splits(self) -> dict[str, list[Sonnet]]:
        train, _ = _sonnets(_read(self.path)[1])
        found = {"train": train, **{split: self._held_out(split) for split in ("dev", "test")}}
        for split in ("train", "dev"):
            if not found[split]:
                path = self.path if split == "train" else self.prompts[split]
                raise DataError(f"{path} holds no whole sonnet for {split}; give one with {PROMPT_LINES + 1} lines")
        return found

    def _held_out(self, split: str) -> list[Sonnet]:
        """Return the held-out sonnets of a split. Those whose true lines are unknown cannot be scored: none."""
        if split not in self.prompts:
            return []
        path = self.whole.get(split, self.prompts[split])
        whole, _ = _sonnets(_read(path)[1])
        known = {sonnet.prompt: sonnet for sonnet in whole}
        found = []
        for poem in _read(self.prompts[split])[1] if split in self.whole else ():
            prompt = "\n".join(poem[1 : 1 + PROMPT_LINES]) + "\n"
            if prompt not in known:
                raise DataError(
                    f"{self.prompts[split]}: no sonnet of {path} begins with the first {PROMPT_LINES} lines of poem "
                    f"{poem[0]}; give files of the same sonnets"
                )
            found.append(known[prompt])
        return found if split in self.whole else whole


def find(data: str | None) -> SonnetData:
    """Return the file `data` (None = the shipped one), or the course's files in a folder. Raise DataError."""
    path = SHIPPED if data is None else Path(data).expanduser()
    if path.is_file():
        return SonnetData(path)
    folder, prefix = (path, "") if path.is_dir() else (path.parent, path.name)
    files = sorted(file for file in folder.glob("*.txt") if prefix in file.name) if folder.is_dir() else []
    held = [file for file in files if HELD_OUT_NAME.search(file.name)]
    train = [file for file in files if file not in held]
    if not held or len(train) != 1:
        reason = "No such file or directory" if not path.exists() else "it is not one training file with held-out files"
        raise _unreadable(path, reason)
    true = [file for file in held if "true" in file.name.lower()]
    prompts = _by_split([file for file in held if file not in true] or true)
    whole = {split: file for split, file in _by_split(true).items() if split in prompts}
    if len(prompts) == 1:  # there is only one held-out file: it is for development
        prompts, whole = (dict(zip(("dev",), files.values(), strict=False)) for files in (prompts, whole))
    if "dev" not in prompts:
        raise _unreadable(path, "there is no held-out file for development (sonnets_held_out_dev.txt)")
    return CourseSonnets(train[0], prompts, whole)


def _by_split(files: Sequence[Path]) -> dict[str, Path]:
    return {"dev" if "dev" in file.name.lower() else "test": file for file in files}


def _read(path: Path) -> tuple[bytes, list[list[str]]]:
    """Return a file's bytes, and the poems in it: the number and the lines of each. Raise DataError."""
    try:
        raw = path.read_bytes()
        return raw, _poems(raw.decode("utf-8-sig"))
    except OSError as error:
        raise _unreadable(path, error.strerror) from error
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path} line {line} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error


def parse(text: str) -> tuple[list[Sonnet], int]:
    """Return the sonnets of `text`, and how many it skips because no line follows the prompt."""
    return _sonnets(_poems(text))


def _poems(text: str) -> list[list[str]]:
    """Return the number and the lines of each poem. If there are numbers, what stands before the first is a header.

    Without numbers, blank lines part the poems; if somewhere two of them follow each other, single ones part stanzas.
    """
    lines = [line.strip() for line in text.splitlines()]
    if not any(map(NUMBER.fullmatch, lines)):
        gap = "\n\n\n" if "\n\n\n" in "\n".join(lines).strip() else "\n\n"
        parts = [[*filter(None, part.split("\n"))] for part in "\n".join(lines).split(gap)]
        return [[str(number), *part] for number, part in enumerate(filter(None, parts), start=1)]
    poems: list[list[str]] = []
    for line in filter(None, lines):
        if NUMBER.fullmatch(line):
            poems.append([line.strip("().")])
        elif poems:
            poems[-1].append(line)
    return poems


def _sonnets(poems: Sequence[Sequence[str]]) -> tuple[list[Sonnet], int]:
    """Return the poems with more lines than a prompt, and how many have no more."""
    end = 1 + PROMPT_LINES
    sonnets = [
        Sonnet(poem[0], "\n".join(poem[1:end]) + "\n", "\n".join(poem[end:])) for poem in poems if len(poem) > end
    ]
    return sonnets, len(poems) - len(sonnets)


def split_sonnets(sonnets: Sequence[Sonnet]) -> dict[str, list[Sonnet]]:
    """Split the sonnets, in order, into train, dev and test: 154 sonnets give 124, 15 and 15."""
    held = max(1, round(len(sonnets) * HELD_OUT))
    train = len(sonnets) - 2 * held
    return {
        "train": [*sonnets[:train]],
        "dev": [*sonnets[train : train + held]],
        "test": [*sonnets[train + held :]],
    }


def _unreadable(path: Path, reason: str | None) -> DataError:
    return DataError(f"cannot read the sonnets in {path}: {reason}; give the path of a text file")
