"""Short reviews in five classes, from 0 (very negative) to 4 (very positive), in which single words mislead.

Every sentence contains words of praise or blame whose force other words modify: negation reverses or weakens it, degree
words strengthen or weaken it, and of two clauses joined by "but" only one counts. Most words therefore occur in most
classes. Word frequencies follow Zipf's law. One rating in ten is off by one class, because people disagree.
"""

import random
from collections.abc import Callable

from tools.datasets.drawing import Labelled, distinct_splits, zipf
from tools.datasets.opinions import AWFUL, BAD, GOOD, GREAT, THINGS

SIZES = {"train": 3000, "dev": 400, "test": 400}
CLASSES = 5
OFF = 0.1  # fraction of ratings that are off by one class

SOME = ("rather", "somewhat", "a little", "fairly", "more or less")
MUCH = ("very", "so very", "exceedingly", "thoroughly", "altogether")
NEVER = ("never", "not once", "at no point", "in no way")
CROWD = ("I found that", "We all thought that", "To me it seemed that", "My friends say that", "In truth,")

Opinion = Callable[[random.Random, int], str]


def _plain(rng: random.Random, level: int) -> str:
    """Return a word of praise or blame, with a degree word if needed."""
    strong, weak = (GREAT, GOOD) if level > 2 else (AWFUL, BAD)
    if level in (0, 4):
        return rng.choice((zipf(rng, strong), f"{zipf(rng, MUCH)} {zipf(rng, weak)}"))
    return f"{zipf(rng, SOME)} {zipf(rng, weak)}"


def _negated(rng: random.Random, level: int) -> str:
    """Return a negated word of the opposite sentiment."""
    strong, weak = (AWFUL, BAD) if level > 2 else (GREAT, GOOD)
    if level in (0, 4):
        return rng.choice((f"{zipf(rng, NEVER)} {zipf(rng, weak)}", f"the very opposite of {zipf(rng, strong)}"))
    return rng.choice(
        (
            f"not {zipf(rng, weak)}",
            f"not {zipf(rng, strong)}",
            f"hardly {zipf(rng, strong)}",
            f"far from {zipf(rng, strong)}",
        )
    )


def _even(rng: random.Random, level: int) -> str:
    """Return an opinion that is neither praise nor blame."""
    good, bad = rng.choice(((GOOD, BAD), (GREAT, AWFUL)))
    words = [zipf(rng, good), zipf(rng, bad)]
    rng.shuffle(words)
    one, other = words
    return rng.choice(
        (
            f"neither {one} nor {other}",
            f"not {one}, but not {other} either",
            f"now {one}, now {other}",
            f"as {one} as it is {other}",
            f"half {one} and half {other}",
            f"no more {one} than it is {other}",
        )
    )


def _opinion(rng: random.Random, level: int) -> str:
    forms: tuple[Opinion, ...] = (_even,) if level == 2 else (_plain, _negated)
    return rng.choice(forms)(rng, level)


def _one(rng: random.Random, level: int) -> str:
    thing, opinion = zipf(rng, THINGS), _opinion(rng, level)
    return rng.choice(
        (
            f"The {thing} is {opinion}.",
            f"{rng.choice(CROWD)} the {thing} was {opinion}.",
            f"This {thing} is {opinion}, I must say.",
            f"{opinion.capitalize()}: there is no other name for this {thing}.",
        )
    )


def _contrast(rng: random.Random, level: int) -> str:
    """Return a sentence with two opinions of different classes; its wording decides which one counts."""
    other = _opinion(rng, rng.choice([c for c in range(CLASSES) if abs(c - level) > 1]))
    counts = _opinion(rng, level)
    thing, part = zipf(rng, THINGS), zipf(rng, THINGS)
    return rng.choice(
        (
            f"The {part} was {other}, but as a whole it is {counts}.",
            f"As a whole it is {counts}, though the {part} was {other}.",
            f"They said it was {other}, yet I say the {thing} is {counts}.",
            f"I say the {thing} is {counts}, whoever told you it was {other}.",
            f"I thought the {thing} would be {other}; it is {counts}.",
            f"The {thing} is {counts}, and I had thought it would be {other}.",
        )
    )


def _write(rng: random.Random, label: int) -> str:
    level = label
    if rng.random() < OFF:
        level = rng.choice([c for c in (label - 1, label + 1) if 0 <= c < CLASSES])
    return rng.choice((_one, _contrast))(rng, level)


def reviews(seed: int) -> dict[str, list[Labelled]]:
    """Return the splits. No sentence occurs twice."""
    return distinct_splits(_write, SIZES, CLASSES, seed)
