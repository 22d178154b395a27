"""Pairs of questions, half of them paraphrases, selected so that word overlap barely predicts the label.

A meaning is one intent about one subject. All its wordings belong to the same split, so splits have no questions in
common, although subjects and wordings occur in all of them. Pairs of several kinds are sampled and then balanced: at
every word overlap, equally many pairs of both labels are kept.
"""

import random
import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from tools.datasets.topics import TOPICS, Topic

SIZES = {"train": 12000, "dev": 600, "test": 600}  # pairs
HELD_INTENTS = 3  # held-out intents per subject; several, so that a split can pair them as negatives
SINGLE_SPLITS = ("train", "dev", "test")  # splits that get the held-out intents of successive subjects
PAIR_SPLITS = ("train", "dev", "train", "train", "test", "train")  # splits of successive pairs of subjects
BINS = 10  # of word overlap

# How the second question of a pair relates to the first, with the sampling weights before balancing.
KINDS = {
    "same meaning, any wording": 8,
    "same meaning, same wording": 2,
    "same intent, other subject": 2,
    "same subject, other intent": 7,
    "anything else": 1,
}
SAME_WORDING = {  # fraction of a kind's pairs in which both questions use the same wording
    "same meaning, any wording": 0,
    "same meaning, same wording": 1,
    "same intent, other subject": 0.8,
    "same subject, other intent": 0.5,  # if one intent is the reverse of the other, the subjects swap places
    "anything else": 0,
}
EDITED = 0.15  # fraction of questions with a small edit that keeps the meaning
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
    """One intent about one subject, or about two subjects in a topic of pairs."""

    topic: Topic
    subject: tuple[str, ...]
    intent: str

    @property
    def wordings(self) -> tuple[str, ...]:
        return self.topic.intents[self.intent]

    def ask(self, wording: int, rng: random.Random) -> str:
        """Return the question in wording number `wording`, sometimes with a small edit."""
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
    about: tuple[str, str, int]  # topic, intent and wording of one of the two questions


def question_pairs(seed: int) -> dict[str, list[Pair]]:
    """Return the splits, each in random order, half of its pairs being paraphrases."""
    rng = random.Random(seed)
    return {split: choose(suggest(pool, rng), SIZES[split], rng) for split, pool in meanings(rng).items()}


def meanings(rng: random.Random) -> dict[str, list[Meaning]]:
    """Return all meanings by split."""
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
    """Yield an endless sequence of random pairs of all kinds."""
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
    """Return `size` distinct pairs of distinct questions, balanced by label.

    Pairs wait until a pair of the other label arrives with the same overlap, and with the same topic, intent and
    wording of one question. Both are then chosen.
    """
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
        # If both questions have the same words, all pairs of an intent have the same label: match across intents.
        alike = (pair.about if shared < BINS else None), shared
        if waiting[alike, not pair.same]:
            chosen += [pair, waiting[alike, not pair.same].popleft()]  # oldest first: the kinds keep their shares
        else:
            waiting[alike, pair.same].append(pair)
    rng.shuffle(chosen)
    return chosen


def overlap(first: str, second: str) -> float:
    """Return the Jaccard overlap of the words of two questions, 0 to 1."""
    one, other = words(first), words(second)
    return len(one & other) / len(one | other)


def words(text: str) -> set[str]:
    """Return the distinct words of a text, in lower case and without punctuation."""
    return set(re.findall(r"[a-z]+", text.lower()))
