"""Pairs of questions, half of which ask the same, chosen so that shared words hardly tell which.

A meaning is one intent about one subject. All its wordings belong to one split, so no split shares a question with
another, while subjects and wordings occur in all of them. Pairs of several kinds are drawn, and of these as many with
either label are kept at every word overlap.
"""

import random
import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from tools.datasets.topics import TOPICS, Topic

SIZES = {"train": 12000, "dev": 600, "test": 600}  # pairs
HELD_INTENTS = 3  # of a subject that a held-out split takes from: several, so that they can be confused there
SINGLE_SPLITS = ("train", "dev", "test")  # that the subjects of a topic give their held intents to, in turn
PAIR_SPLITS = ("train", "dev", "train", "train", "test", "train")  # that two subjects give all their intents to
BINS = 10  # of word overlap

# How the second question of a pair comes from the first; the weights are those of the drawing, before the choice.
KINDS = {
    "same meaning, any wording": 8,
    "same meaning, same wording": 2,
    "same intent, other subject": 2,
    "same subject, other intent": 7,
    "anything else": 1,
}
SAME_WORDING = {  # share of a kind's pairs in which both questions are put the same way
    "same meaning, any wording": 0,
    "same meaning, same wording": 1,
    "same intent, other subject": 0.8,
    "same subject, other intent": 0.5,  # where two intents are each other's reverse, the subjects change places
    "anything else": 0,
}
EDITED = 0.15  # share of questions with a small change that leaves the meaning as it is
EDITS = (
    ("What is ", "What's "),
    ("How do I ", "How can I "),
    ("How do I ", "How would I "),
    ("How does one ", "How do you "),
    ("Should I ", "Do you think I should "),
    ("Is it ", "Is it really "),
    ("How much ", "About how much "),
    ("How long ", "About how long "),
    ("What should I ", "What must I "),
    ("?", ", please?"),
    ("?", " nowadays?"),
    ("?", ", in your view?"),
    ("?", " as a rule?"),
)


@dataclass(frozen=True)
class Meaning:
    """One intent about one subject, or about two in a topic of pairs."""

    topic: Topic
    subject: tuple[str, ...]
    intent: str

    @property
    def wordings(self) -> tuple[str, ...]:
        return self.topic.intents[self.intent]

    def ask(self, wording: int, rng: random.Random) -> str:
        """The question in its `wording`-th words, sometimes with a small change."""
        question = self.wordings[wording].format(**dict(zip("xy", self.subject, strict=False)))
        if rng.random() >= EDITED:
            return question
        old, new = rng.choice([edit for edit in EDITS if edit[0] in question])
        return new.join(question.rsplit(old, 1))


@dataclass(frozen=True)
class Pair:
    first: str
    second: str
    same: bool
    about: tuple[str, str, int]  # topic, intent and wording of one of the two


def question_pairs(seed: int) -> dict[str, list[Pair]]:
    """The splits, each in random order with as many pairs that ask the same as pairs that do not."""
    rng = random.Random(seed)
    return {split: choose(suggest(pool, rng), SIZES[split], rng) for split, pool in meanings(rng).items()}


def meanings(rng: random.Random) -> dict[str, list[Meaning]]:
    """Every meaning, in the split it belongs to."""
    out: dict[str, list[Meaning]] = {split: [] for split in SIZES}
    for topic in TOPICS:
        subjects = list(combinations(topic.subjects, 2)) if topic.pairs else [(name,) for name in topic.subjects]
        splits = PAIR_SPLITS if topic.pairs else SINGLE_SPLITS
        rng.shuffle(subjects)
        for number, subject in enumerate(subjects):
            intents = rng.sample(sorted(topic.intents), len(topic.intents))
            held = len(intents) if topic.pairs else HELD_INTENTS
            out[splits[number % len(splits)]] += [Meaning(topic, subject, intent) for intent in intents[:held]]
            out["train"] += [Meaning(topic, subject, intent) for intent in intents[held:]]
    return out


def suggest(pool: Sequence[Meaning], rng: random.Random) -> Iterator[Pair]:
    """Endless pairs of every kind."""
    by_topic = {topic.name: [meaning for meaning in pool if meaning.topic == topic] for topic in TOPICS}
    while True:
        one = rng.choice(by_topic[rng.choice(TOPICS).name])
        kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
        near = pool if kind == "anything else" else by_topic[one.topic.name]
        fitting = [meaning for meaning in near if FITS[kind](one, meaning)]
        if not fitting:
            continue
        other = rng.choice(fitting)
        first = second = rng.randrange(len(one.wordings))
        if second >= len(other.wordings) or rng.random() >= SAME_WORDING[kind]:
            second = rng.randrange(len(other.wordings))
        questions = [one.ask(first, rng), other.ask(second, rng)]
        rng.shuffle(questions)
        yield Pair(questions[0], questions[1], one == other, (one.topic.name, one.intent, first))


FITS: dict[str, Callable[[Meaning, Meaning], bool]] = {
    "same meaning, any wording": lambda one, other: one == other,
    "same meaning, same wording": lambda one, other: one == other,
    "same intent, other subject": lambda one, other: one.intent == other.intent and one.subject != other.subject,
    "same subject, other intent": lambda one, other: one.intent != other.intent and one.subject == other.subject,
    "anything else": lambda one, other: one.intent != other.intent and one.subject != other.subject,
}


def choose(pairs: Iterator[Pair], size: int, rng: random.Random) -> list[Pair]:
    """`size` different pairs of different questions: whenever one meets one of the other label, one of
    whose questions is put the same way, with the same overlap, both are taken."""
    waiting: dict[tuple[object, bool], deque[Pair]] = defaultdict(deque)
    chosen: list[Pair] = []
    seen: set[frozenset[str]] = set()
    while len(chosen) < size:
        pair = next(pairs)
        questions = frozenset((pair.first, pair.second))
        if len(questions) == 1 or questions in seen:
            continue
        seen.add(questions)
        shared = round(overlap(pair.first, pair.second) * BINS)
        # Two questions of the same words ask the same about some intents and never about others.
        alike = (pair.about if shared < BINS else None), shared
        if waiting[alike, not pair.same]:
            chosen += [pair, waiting[alike, not pair.same].popleft()]  # so that the kinds keep their shares
        else:
            waiting[alike, pair.same].append(pair)
    rng.shuffle(chosen)
    return chosen


def overlap(first: str, second: str) -> float:
    """Jaccard overlap of the words of two questions, 0 to 1."""
    one, other = words(first), words(second)
    return len(one & other) / len(one | other)


def words(text: str) -> set[str]:
    """The different words of a text, without case and punctuation."""
    return set(re.findall(r"[a-z]+", text.lower()))
