"""The shipped data sets: sizes, balance, disjoint splits, and that word counts do not solve them."""

import random
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch

from model.tasks.batching import by_length
from model.tasks.data.sources import ASSETS
from model.tasks.labelled import Split
from model.tasks.paraphrase import Task as Paraphrase
from model.tasks.sentiment import Task as Sentiment
from tests.model.tasks.conftest import tiny_tokenizer  # noqa: F401
from tools.datasets import __main__ as command
from tools.datasets import baselines, questions
from tools.datasets.drawing import distinct_splits, zipf
from tools.datasets.questions import Pair, overlap, question_pairs
from tools.datasets.reviews import reviews
from tools.datasets.topics import TOPICS
from tools.datasets.verdicts import verdicts

SETS = ("paraphrase", "sentiment/reviews", "sentiment/verdicts")


@pytest.fixture(scope="module")
def tables() -> dict[str, str]:
    return command.tables()


@pytest.fixture(scope="module")
def pairs() -> dict[str, list[Pair]]:
    return question_pairs(command.SEED)


def test_the_program_writes_the_shipped_bytes(
    tables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "tables", lambda: tables)
    monkeypatch.setattr(sys, "argv", ["datasets", "--out", str(tmp_path)])
    command.main()
    written = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*.tsv")}
    assert written == {name: (ASSETS / name).read_bytes() for name in tables}
    assert set(tables) == {f"{name}/{split}.tsv" for name in SETS for split in ("train", "dev", "test")}


def test_the_files_are_plain_ascii_without_quotes(tables: dict[str, str]) -> None:
    assert all(table.isascii() and '"' not in table for table in tables.values())


# --- pairs of questions


def test_sizes_and_balance(pairs: dict[str, list[Pair]]) -> None:
    assert {split: len(part) for split, part in pairs.items()} == questions.SIZES
    assert all(sum(pair.same for pair in part) * 2 == len(part) for part in pairs.values())


def test_questions_of_splits_are_disjoint_and_pairs_unique(pairs: dict[str, list[Pair]]) -> None:
    asked = {split: {q for pair in part for q in (pair.first, pair.second)} for split, part in pairs.items()}
    assert not (asked["train"] & asked["dev"])
    assert not (asked["train"] & asked["test"])
    assert not (asked["dev"] & asked["test"])
    for part in pairs.values():
        assert len({frozenset((pair.first, pair.second)) for pair in part}) == len(part)
        assert all(pair.first != pair.second for pair in part)


def test_every_kind_of_pair_is_there(pairs: dict[str, list[Pair]]) -> None:
    for part in pairs.values():
        shared = {same: [overlap(p.first, p.second) for p in part if p.same == same] for same in (True, False)}
        for same in (True, False):
            assert sum(value < 0.3 for value in shared[same]) > 0.3 * len(shared[same]), "other words"
            assert sum(value > 0.6 for value in shared[same]) > 0.1 * len(shared[same]), "nearly the same words"
    swapped = [p for p in pairs["train"] if sorted(questions.words(p.first)) == sorted(questions.words(p.second))]
    assert {pair.same for pair in swapped} == {True, False}


def test_both_labels_have_the_same_overlaps(pairs: dict[str, list[Pair]]) -> None:
    for part in pairs.values():
        shared = [round(overlap(pair.first, pair.second) * questions.BINS) for pair in part]
        count = Counter((n, p.about * (n < questions.BINS), p.same) for n, p in zip(shared, part, strict=True))
        assert all(count[n, about, not same] == pairs for (n, about, same), pairs in count.items())


def test_word_counts_do_not_solve_paraphrase(pairs: dict[str, list[Pair]]) -> None:
    texts = {split: [(pair.first, pair.second) for pair in part] for split, part in pairs.items()}
    labels = {split: torch.tensor([int(pair.same) for pair in part]) for split, part in pairs.items()}
    features = {split: baselines.overlap_features(part) for split, part in texts.items()}
    rule = baselines.best_threshold(features["train"][:, 0], labels["train"])
    model = baselines.LogisticRegression(features["train"], labels["train"])
    for split in ("dev", "test"):
        assert baselines.threshold_accuracy(features[split][:, 0], labels[split], rule) < 0.6
        assert model.accuracy(features[split], labels[split]) < 0.62


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_topics_are_well_formed(topic: questions.Topic) -> None:
    wordings = [wording for intent in topic.intents.values() for wording in intent]
    assert len(set(wordings)) == len(wordings), "a wording means one thing"
    assert len(set(topic.subjects)) == len(topic.subjects)
    names = {"x": "X", "y": "Y"} if topic.pairs else {"x": "X"}
    for wording in wordings:
        filled = wording.format(**names)
        assert wording.endswith("?")
        assert all(name in filled for name in names.values())


# --- reviews


@pytest.mark.parametrize(("write", "classes"), [(reviews, 5), (verdicts, 2)])
def test_reviews_are_balanced_and_distinct(write, classes: int) -> None:  # type: ignore[no-untyped-def]
    splits = write(command.SEED)
    texts = [text.text for part in splits.values() for text in part]
    assert len(set(texts)) == len(texts)
    assert not any(text.endswith(".") for text in texts), "else each would end with the same token"
    for part in splits.values():
        assert set(Counter(text.label for text in part).values()) == {len(part) // classes}
    scores = baselines.sentiment_baselines(splits)
    assert all(score["word regression"] < (0.62 if classes == 5 else 0.78) for score in scores.values())


def test_zipf_prefers_the_first_words() -> None:
    rng = random.Random(0)
    count = Counter(zipf(rng, "abcd") for _ in range(4000))
    assert [count[letter] / count["a"] for letter in "bcd"] == pytest.approx([1 / 2, 1 / 3, 1 / 4], abs=0.06)


def test_a_text_that_was_written_before_is_written_anew() -> None:
    splits = distinct_splits(lambda rng, label: f"{label}{rng.randrange(12)}", {"train": 16, "dev": 4}, 2, seed=0)
    texts = [text.text for part in splits.values() for text in part]
    assert len(set(texts)) == len(texts) == 20


# --- baselines, by hand


def test_the_best_threshold_looks_both_ways() -> None:
    values = torch.tensor([0.1, 0.2, 0.3, 0.4])
    for labels, direction in (([0, 0, 1, 1], 1), ([1, 1, 0, 0], 0)):
        rule = baselines.best_threshold(values, torch.tensor(labels))
        assert rule == (pytest.approx(0.3), direction)
        assert baselines.threshold_accuracy(values, torch.tensor(labels), rule) == 1


def test_features_of_a_pair() -> None:
    pair = [("How do I cook rice?", "how do you cook brown rice")]
    assert baselines.overlap_features(pair).tolist() == [[4 / 7, 4, 3, 1]]
    assert baselines.shared_word_features(pair, ["cook", "you", "corn"]).tolist() == [[1, 0, 0, 0, 1, 0]]


def test_regression_fits_linear_data() -> None:
    features = torch.randn(200, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = (features @ torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64) > 0).long()
    assert baselines.LogisticRegression(features, labels).accuracy(features, labels) > 0.97


# --- as tasks


def padding(split: Split, batch_size: int, seed: int) -> float:
    """Share of the computed tokens of an epoch that are padding."""
    order = random.Random(seed).sample(range(len(split.labels)), len(split.labels))
    lengths = split.ids.lengths
    computed = sum(len(b) * max(lengths[i] for i in b) for b in by_length(lengths, order, batch_size))
    return 1 - sum(lengths) / computed


@pytest.mark.parametrize("name", SETS)
def test_less_than_a_tenth_is_padding(name: str, tiny_tokenizer) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    task: Paraphrase | Sentiment
    if name == "paraphrase":
        task = Paraphrase(None, tiny_tokenizer, max_tokens=256)
    else:
        task = Sentiment(name.partition("/")[2], tiny_tokenizer, max_tokens=256)
    assert task.skipped == {"train": 0, "dev": 0, "test": 0}
    assert max(task.splits["train"].ids.lengths) < 256, "no text is cut for tiny"
    for batch_size in (8, 32):
        for seed in range(3):
            assert padding(task.splits["train"], batch_size, seed) < 0.1
