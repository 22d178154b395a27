"""Data of the sonnet task: a text file of numbered poems.

The shipped file and the course's file have the same format: a header, then each sonnet as its number on a line of its
own, followed by its lines. The first 124 of 154 sonnets are for training, the next 15 for development and the last 15
for testing. Other files are split in the same proportions.
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
HELD_OUT = 15 / 154  # fraction of the sonnets in the dev split, and in the test split


@dataclass(frozen=True)
class Sonnet:
    """A sonnet, split into prompt and rest. `prompt` ends with a line break."""

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
        """Return the hash of the file. Raise DataError if it cannot be used."""
        return self.read()[1]

    def size(self, split: str) -> int:
        """Return the number of sonnets in a split. Raise DataError."""
        return len(split_sonnets(self.read()[0])[split])

    def read(self) -> tuple[list[Sonnet], str]:
        """Return all sonnets and the SHA-256 of the file. Raise DataError."""
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
    """Return the file `data` (None = the shipped one). Raise DataError if it does not exist."""
    path = SHIPPED if data is None else Path(data).expanduser()
    if not path.exists():
        raise _unreadable(path, "No such file or directory")
    return SonnetData(path)


def parse(text: str) -> list[Sonnet]:
    """Return every numbered sonnet of `text`, except those without a line after the prompt."""
    bodies = NUMBER.split(text.replace("\r\n", "\n"))[1:]  # the text before the first number is a header
    lines = ([line.strip() for line in body.split("\n") if line.strip()] for body in bodies)
    return [
        Sonnet("\n".join(sonnet[:PROMPT_LINES]) + "\n", "\n".join(sonnet[PROMPT_LINES:]))
        for sonnet in lines
        if len(sonnet) > PROMPT_LINES
    ]


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
