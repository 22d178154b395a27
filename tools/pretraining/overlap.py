"""Remove the sonnets from the pretraining text.

Two texts overlap if they share a run: eight consecutive words, in lower case and without punctuation.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

RUN = 8  # words
MARGIN = 14  # lines removed on either side of an overlap: the whole sonnet, even in an older spelling
NOT_A_WORD = re.compile(r"[^a-z0-9\s]")
NUMBER = re.compile(r"^\d+$", re.MULTILINE)


def words(line: str) -> list[str]:
    """Return the words of a line: `Feed'st--self-same` gives feedst, selfsame."""
    return NOT_A_WORD.sub("", line.lower().replace("--", " ")).split()


def _runs(lines: Iterable[str]) -> Iterator[tuple[str, int, int]]:
    """Yield every run with the indices of its first and last line. Runs may span several lines."""
    stream = [(word, index) for index, line in enumerate(lines) for word in words(line)]
    for end in range(RUN, len(stream) + 1):
        window = stream[end - RUN : end]
        yield " ".join(word for word, _ in window), window[0][1], window[-1][1]


def runs(documents: Iterable[Sequence[str]]) -> set[str]:
    """Return all runs in the documents. A document is a sequence of lines."""
    return {run for lines in documents for run, _, _ in _runs(lines)}


def overlaps(lines: Sequence[str], banned: set[str]) -> set[int]:
    """Return the indices of all lines that contain part of a banned run."""
    return {index for run, first, last in _runs(lines) if run in banned for index in range(first, last + 1)}


def without(lines: Sequence[str], banned: set[str]) -> list[Sequence[str]]:
    """Return the pieces of a document that remain after removing every banned run and MARGIN lines around it."""
    hits = sorted(overlaps(lines, banned))
    if not hits:
        return [lines]
    edges = [-MARGIN - 1, *hits, len(lines) + MARGIN]
    pieces = [lines[max(0, a + MARGIN + 1) : max(0, b - MARGIN)] for a, b in pairwise(edges)]
    return [piece for piece in pieces if any(piece)]


def read_sonnets(path: Path) -> list[list[str]]:
    """Return the lines of each numbered sonnet in a file, without the text before the first number."""
    return [text.strip().split("\n") for text in NUMBER.split(path.read_text("utf-8"))[1:]]
