"""Keeping the sonnets out of the pretraining text.

Two texts overlap where they share a run of eight consecutive words, lower-cased and without punctuation.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

RUN = 8  # words
MARGIN = 14  # lines dropped on either side of an overlap: the sonnet around a line, even in an older spelling
NOT_A_WORD = re.compile(r"[^a-z0-9\s]")
NUMBER = re.compile(r"^\d+$", re.MULTILINE)


def words(line: str) -> list[str]:
    """The words of a line: `Feed'st--self-same` gives feedst, selfsame."""
    return NOT_A_WORD.sub("", line.lower().replace("--", " ")).split()


def _runs(lines: Iterable[str]) -> Iterator[tuple[str, int, int]]:
    """Every run with the indices of its first and last line; runs may cross lines."""
    stream = [(word, index) for index, line in enumerate(lines) for word in words(line)]
    for end in range(RUN, len(stream) + 1):
        window = stream[end - RUN : end]
        yield " ".join(word for word, _ in window), window[0][1], window[-1][1]


def runs(documents: Iterable[Sequence[str]]) -> set[str]:
    """All runs within the documents, each a sequence of lines."""
    return {run for lines in documents for run, _, _ in _runs(lines)}


def overlaps(lines: Sequence[str], banned: set[str]) -> set[int]:
    """Indices of the lines that take part in a banned run."""
    return {index for run, first, last in _runs(lines) if run in banned for index in range(first, last + 1)}


def without(lines: Sequence[str], banned: set[str]) -> list[Sequence[str]]:
    """What is left of a document in pieces, after every banned run and MARGIN lines around it are dropped."""
    hits = sorted(overlaps(lines, banned))
    if not hits:
        return [lines]
    edges = [-MARGIN - 1, *hits, len(lines) + MARGIN]
    pieces = [lines[max(0, a + MARGIN + 1) : max(0, b - MARGIN)] for a, b in pairwise(edges)]
    return [piece for piece in pieces if any(piece)]


def read_sonnets(path: Path) -> list[list[str]]:
    """The lines of each sonnet in a file that numbers them, without what stands before the first number."""
    return [text.strip().split("\n") for text in NUMBER.split(path.read_text("utf-8"))[1:]]
