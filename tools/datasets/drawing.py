"""Drawing texts: rare and frequent words, and balanced splits that have no text in common."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Labelled:
    text: str
    label: int


def zipf(rng: random.Random, words: Sequence[T]) -> T:
    """A word whose frequency falls with its place in `words` as 1 / place, as in all language."""
    return rng.choices(words, [1 / place for place in range(1, len(words) + 1)])[0]


def distinct_splits(
    write: Callable[[random.Random, int], str], sizes: Mapping[str, int], classes: int, seed: int
) -> dict[str, list[Labelled]]:
    """For each split as many texts of every class, in random order; no text occurs twice.

    `write` makes a text of a class. Its final stop is left out: a classifier reads the last token, and a base that is
    not trained further would make little difference between one full stop and another.
    """
    rng = random.Random(seed)
    seen: set[str] = set()
    splits: dict[str, list[Labelled]] = {}
    for split, size in sizes.items():
        drawn: list[Labelled] = []
        while len(drawn) < size:
            label = len(drawn) % classes
            text = write(rng, label).removesuffix(".")
            if text not in seen:
                seen.add(text)
                drawn.append(Labelled(text, label))
        rng.shuffle(drawn)
        splits[split] = drawn
    return splits
