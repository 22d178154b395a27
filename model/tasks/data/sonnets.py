"""Data of the sonnet task: a text file of numbered poems.

The shipped file and the course's file have the same format: a header, then each sonnet as its number on a line of its
own (18, 18. or 18) are understood), followed by its lines. The first 124 of 154 sonnets are for training, the next 15
for development and the last 15 for testing. Other files are split in the same proportions.
"""

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.errors import DataError
from model.pretrained.tokenizer import Tokenizer
from model.tasks.data.sources import ASSETS

log = logging.getLogger(__name__)

SHIPPED = ASSETS / "sonnets" / "sonnets.txt"
NUMBER = re.compile(r"\(?\d+[.)]?")
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

    def size(self, split: str) -> int:
        """Return the number of sonnets in a split. Raise DataError."""
        return len(split_sonnets(self.read()[0])[split])

    def inputs(self, split: str) -> Iterator[str]:
        """Yield each sonnet of a split. Raise DataError."""
        return (sonnet.text for sonnet in split_sonnets(self.read()[0])[split])

    def check_room(self, tokenizer: Tokenizer, positions: int) -> None:
        """Raise DataError if a prompt to generate from leaves no position for a new token."""
        splits = split_sonnets(self.read()[0])
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
        path = self.path
        try:
            raw = path.read_bytes()
            sonnets, skipped = parse(raw.decode("utf-8-sig"))
        except OSError as error:
            raise _unreadable(path, error.strerror) from error
        except UnicodeDecodeError as error:
            raise DataError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
        if len(sonnets) < 3:
            raise DataError(
                f"{path} holds {len(sonnets)} numbered sonnets, but each split needs one; "
                f"put each sonnet's number on a line of its own before its lines, of which it needs {PROMPT_LINES + 1}"
            )
        return sonnets, skipped, hashlib.sha256(raw).hexdigest()


def find(data: str | None) -> SonnetData:
    """Return the file `data` (None = the shipped one). Raise DataError if it does not exist."""
    path = SHIPPED if data is None else Path(data).expanduser()
    if not path.exists():
        raise _unreadable(path, "No such file or directory")
    return SonnetData(path)


def parse(text: str) -> tuple[list[Sonnet], int]:
    """Return the numbered sonnets of `text`, and how many it skips because no line follows the prompt."""
    poems: list[list[str]] = []  # the number and the lines of each; text before the first number is a header
    for line in filter(None, map(str.strip, text.splitlines())):
        if NUMBER.fullmatch(line):
            poems.append([line.strip("().")])
        elif poems:
            poems[-1].append(line)
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
