"""Texts longer than the base's positions: which part is cut, and how many there are."""

from pathlib import Path

import pytest

from model.errors import SettingError
from model.pretrained.tokenizer import Tokenizer
from model.tasks import count_long_texts, find_data, load_task
from model.tasks.data.lengths import count_long, cut
from tests.model.tasks.conftest import Write


@pytest.mark.parametrize(
    ("part", "kept"),
    [("head", "456789"), ("tail", "012345"), (None, "012345"), ("middle", "012789")],
)
def test_the_named_part_is_cut(part: str | None, kept: str) -> None:
    assert cut("0123456789", 6, part) == list(kept)
    assert cut("012345", 6, part) == list("012345")
    assert cut("0123", 0, part) == []
    assert len(cut("0123456789", 5, part)) == 5


def test_long_texts_are_counted_by_tokens(small_tokenizer: Tokenizer) -> None:
    texts = ["rose " * 30, "the rose of summer", "", "zzzz"]
    lengths = [len(small_tokenizer.encode(text)) for text in texts]
    for positions in range(1, 40):
        expected = sum(length > positions for length in lengths)
        assert count_long(iter(texts), small_tokenizer, positions) == (expected, 4)


@pytest.fixture
def reviews(write: Write) -> str:
    header = ("sentence", "sentiment")
    long = "the rose of summer fades and time will take what love has lent"
    path = write("train.tsv", header, (long, 0), ("time", 1), (long + " to thee", 0))
    write("dev.tsv", header, ("love", 0), ("the rose", 1))
    return str(path.parent)


def test_only_splits_with_long_texts_are_listed(reviews: str, small_tokenizer: Tokenizer) -> None:
    data = find_data("sentiment", reviews)
    assert count_long_texts(data, small_tokenizer, 8) == {"train": (2, 3)}
    assert count_long_texts(data, small_tokenizer, 256) == {}


def test_counts_are_those_of_the_tasks_own_texts(reviews: str, small_tokenizer: Tokenizer) -> None:
    whole = load_task("sentiment", reviews, small_tokenizer, 256)
    lengths = whole.splits["train"].ids.lengths  # type: ignore[attr-defined]
    data = find_data("sentiment", reviews)
    for positions in (lengths[0] - 1, lengths[0], lengths[2]):
        counted = count_long_texts(data, small_tokenizer, positions).get("train", (0, 3))
        assert counted == (sum(length > positions for length in lengths), 3)


@pytest.mark.parametrize("part", ["head", "middle", "tail"])
def test_sentiment_cuts_the_named_part(reviews: str, small_tokenizer: Tokenizer, part: str) -> None:
    whole = load_task("sentiment", reviews, small_tokenizer, 256)
    short = load_task("sentiment", reviews, small_tokenizer, 6, part)
    ids = whole.splits["train"].ids[0].tolist()  # type: ignore[attr-defined]
    expected = {"head": ids[-6:], "middle": ids[:3] + ids[-3:], "tail": ids[:6]}[part]
    assert short.splits["train"].ids[0].tolist() == expected  # type: ignore[attr-defined]


@pytest.mark.parametrize("part", ["head", "middle", "tail"])
def test_sonnets_cut_the_named_part(sonnets_file: Path, small_tokenizer: Tokenizer, part: str) -> None:
    whole = load_task("sonnets", str(sonnets_file), small_tokenizer, 256).ids["train"][0]  # type: ignore[attr-defined]
    short = load_task("sonnets", str(sonnets_file), small_tokenizer, 9, part).ids["train"][0]  # type: ignore[attr-defined]
    assert short == {"head": whole[-10:], "middle": whole[:5] + whole[-5:], "tail": whole[:10]}[part]


@pytest.mark.parametrize(("part", "kept"), [("head", "d e"), ("middle", "a e"), ("tail", "a b"), (None, "a b")])
def test_question_pairs_cut_words_of_the_named_part(
    write: Write, tiny_tokenizer: Tokenizer, part: str | None, kept: str
) -> None:
    path = write("train.tsv", ("sentence1", "sentence2", "label"), ("a b c d e", "f", 1))
    write("dev.tsv", ("sentence1", "sentence2", "label"), ("a", "b", 0))
    whole = f'Is "{kept}" a paraphrase of "f"? Answer "yes" or "no": '
    positions = len(tiny_tokenizer.encode(whole))
    task = load_task("paraphrase", str(path.parent), tiny_tokenizer, positions, part)
    assert tiny_tokenizer.decode(task.splits["train"].ids[0].tolist()) == whole  # type: ignore[attr-defined]


def test_truncate_is_part_of_the_identity_and_tail_the_default() -> None:
    from model.config import TrainConfig

    assert TrainConfig(truncate="tail") == TrainConfig()
    assert TrainConfig(truncate="head") != TrainConfig()
    with pytest.raises(SettingError, match="must be one of head, middle, tail"):
        TrainConfig(truncate="end")
