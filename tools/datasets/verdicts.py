"""Longer reviews in two classes, 1 (for) and 0 (against), which praise and blame several things.

Three texts in four end with a verdict. Most verdicts use the same words for both classes and differ in a negation or in
framing; praise and blame before the verdict balance out. In the other texts, the majority of the opinions decides the
class. Some opinions negate their opposite ("not dull").
"""

import random

from tools.datasets.drawing import Labelled, distinct_splits, zipf
from tools.datasets.opinions import AWFUL, BAD, GOOD, GREAT, THINGS

SIZES = {"train": 1500, "dev": 250, "test": 250}
CLASSES = 2
SAID = 0.75  # fraction of texts with a verdict
NEGATED = 0.2  # fraction of opinions that negate their opposite

ASPECTS = (
    "The {thing} is {word}.",
    "I thought that the {thing} was {word}.",
    "Some call the {thing} {word}, and so do I.",
    "As for the {thing}, it is {word} indeed.",
    "The {thing} was {word} to the last.",
    "Then comes the {thing}, and it is {word}.",
)
VERDICTS = (  # for, against
    ("I would see it again", "I would not see it again"),
    ("I went home happy", "I went home weary"),
    ("you should not stay away from it", "you should stay away from it"),
    ("it has all my love", "it has all my pity"),
    ("I was not sorry that I went", "I was sorry that I went"),
    ("it gave me great joy", "it gave me great pain"),
    ("it is worth the money", "it is not worth the money"),
    ("it was an evening of delight", "it was an evening of grief"),
    ("I did not want it to end", "I wanted it to end"),
    ("no one will call it a loss of time", "every one will call it a loss of time"),
    ("I was never tired of it", "I was soon tired of it"),
    ("I can praise it with a true heart", "I can not praise it with a true heart"),
    ("let no man tell you to miss it", "I would tell any man to miss it"),
    ("I do not wish the evening back", "I wish I had the evening back"),
    ("my friends and I loved it", "my friends loved it and I did not"),
    ("others hated it and I did not", "others hated it and so did I"),
    ("I have seldom seen a better one", "I have often seen a better one"),
    ("few have done it so well", "many have done it as well and better"),
    ("I can not think of a reason not to go", "I can not think of a reason to go"),
    ("nobody should be kept from it", "somebody should have kept me from it"),
)
OPENINGS = ("All in all,", "In the end,", "And yet", "In spite of all", "On the whole", "To be short,")
ASIDES = (
    "We saw it on a cold night.",
    "The house was full.",
    "It runs for two hours.",
    "My brother came with me.",
    "It is made after an old book.",
    "We sat near the door.",
)


def _opinion(rng: random.Random, good: bool) -> str:
    negated = rng.random() < NEGATED
    word = zipf(rng, rng.choice((GREAT, GOOD) if good != negated else (AWFUL, BAD)))
    return rng.choice(ASPECTS).format(thing="{thing}", word=f"not {word}" if negated else word)


def _text(rng: random.Random, label: int) -> str:
    said = rng.random() < SAID
    opinions = [True, True, False, False] if said else [bool(label)] * 4 + [not label]
    sentences = [_opinion(rng, good) for good in opinions]
    sentences += rng.sample(ASIDES, rng.randrange(3))
    rng.shuffle(sentences)
    if said:
        sentences.append(f"{rng.choice(OPENINGS)} {zipf(rng, VERDICTS)[1 - label]}.")
    things = iter(rng.sample(THINGS, len(opinions)))
    return " ".join(s.format(thing=next(things)) if "{thing}" in s else s for s in sentences)


def verdicts(seed: int) -> dict[str, list[Labelled]]:
    """Return the splits. No text occurs twice."""
    return distinct_splits(_text, SIZES, CLASSES, seed)
