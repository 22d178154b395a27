"""Sonnets: a text file of numbered poems.

The shipped file and the course's file look alike: a header, then for each sonnet its number on a line of its own
and its lines. In order, the first 124 of 154 are for training, 15 for development, 15 for testing; another file is
split in the same proportions.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.errors import DataError
from model.tasks.data.sources import ASSETS

SHIPPED = ASSETS / "sonnets" / "sonnets.txt"
NUMBER = re.compile(r"^[ \t]*\d+\.?[ \t]*$", re.MULTILINE)
PROMPT_LINES = 3
HELD_OUT = 15 / 154  # share of the development split, and of the test split


@dataclass(frozen=True)
class Sonnet:
    """One sonnet as the task uses it. `prompt` ends with a line break; prompt + rest is the whole text."""

    prompt: str
    rest: str

    @property
    def text(self) -> str:
        return self.prompt + self.rest


@dataclass(frozen=True)
class SonnetData:
    """The file of the sonnets."""

    path: Path

    @property
    def files(self) -> Mapping[str, Path]:
        return {"all": self.path}

    def sha256(self) -> str:
        """Of the file. Raises DataError where it cannot be used."""
        return self.read()[1]

    def size(self, split: str) -> int:
        """Sonnets of a split. Raises DataError."""
        return len(split_sonnets(self.read()[0])[split])

    def read(self) -> tuple[list[Sonnet], str]:
        """All sonnets, and the file's SHA-256. Raises DataError."""
        path = self.path
        try:
            raw = path.read_bytes()
            sonnets = parse(raw.decode("utf-8-sig"))
        except OSError as error:
            raise _unreadable(path, error.strerror) from error
        except UnicodeDecodeError as error:
            raise DataError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
        if len(sonnets) < 3:
            raise DataError(
                f"{path} holds {len(sonnets)} numbered sonnets, but each split needs one; "
                "put each sonnet's number on a line of its own before its lines"
            )
        return sonnets, hashlib.sha256(raw).hexdigest()


def find(data: str | None) -> SonnetData:
    """The file `data`, None for the shipped one. Raises DataError where it is not there."""
    path = SHIPPED if data is None else Path(data).expanduser()
    if not path.exists():
        raise _unreadable(path, "No such file or directory")
    return SonnetData(path)


def parse(text: str) -> list[Sonnet]:
    """Every numbered sonnet of `text`. One too short to have a line behind its prompt is left out."""
    bodies = NUMBER.split(text.replace("\r\n", "\n"))[1:]  # what stands before the first number is a header
    lines = ([line.strip() for line in body.split("\n") if line.strip()] for body in bodies)
    return [
        Sonnet("\n".join(sonnet[:PROMPT_LINES]) + "\n", "\n".join(sonnet[PROMPT_LINES:]))
        for sonnet in lines
        if len(sonnet) > PROMPT_LINES
    ]


def split_sonnets(sonnets: Sequence[Sonnet]) -> dict[str, list[Sonnet]]:
    """Training, development and test sonnets, in order; 154 give 124, 15 and 15."""
    held = max(1, round(len(sonnets) * HELD_OUT))
    train = len(sonnets) - 2 * held
    return {
        "train": [*sonnets[:train]],
        "dev": [*sonnets[train : train + held]],
        "test": [*sonnets[train + held :]],
    }


def _unreadable(path: Path, reason: str | None) -> DataError:
    return DataError(f"cannot read the sonnets in {path}: {reason}; give the path of a text file")
