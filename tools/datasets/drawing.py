"""Random texts: Zipf-distributed words, and balanced splits without common texts."""

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
    """Sample a word; the one at place k of `words` has a probability proportional to 1/k, as in natural language."""
    return rng.choices(words, [1 / place for place in range(1, len(words) + 1)])[0]


def distinct_splits(
    write: Callable[[random.Random, int], str], sizes: Mapping[str, int], classes: int, seed: int
) -> dict[str, list[Labelled]]:
    """Return balanced splits with `sizes` texts each, in random order. No text occurs twice.

    `write` generates a text of a given class. Its final full stop is removed, because the classifier reads the last
    token, and a frozen base represents all full stops almost alike.
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
