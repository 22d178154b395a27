"""The sonnet task: the shipped data, the course's format, batches, scores."""

from pathlib import Path

import pytest
import sacrebleu

from model.config import DecodeConfig
from model.gpt2 import GPT2
from model.loss import IGNORE
from model.tasks import DataError
from model.tasks import sonnets as module
from model.tasks.sonnets import Task, data_sha256, parse, read, split
from model.tokenizer import Tokenizer


def test_the_shipped_sonnets_are_all_there_in_order() -> None:
    sonnets, _ = read(None)
    parts = split(sonnets)
    assert [len(parts[name]) for name in ("train", "dev", "test")] == [124, 15, 15]
    assert parts["train"][0].text.startswith("From fairest creatures we desire increase,\n")
    assert parts["train"][17].prompt.splitlines()[0] == "Shall I compare thee to a summer's day?"
    assert parts["dev"][0].text.startswith("Were't aught to me I bore the canopy,")
    assert parts["test"][-1].text.endswith("Love's fire heats water, water cools not love.")
    assert all(sonnet.prompt.count("\n") == 3 for sonnet in sonnets)
    lengths = [len(sonnet.text.splitlines()) for sonnet in sonnets]
    assert {length: lengths.count(length) for length in set(lengths)} == {14: 152, 15: 1, 12: 1}


def test_the_courses_format_reads_the_same() -> None:
    """A header, numbers, carriage returns, indentation, trailing spaces."""
    head = "THE SONNETS\r\n\r\nby X\r\n\r\n"
    text = head + "  1\r\n\r\n  one\r\n  two \r\n  three\r\n    four\r\n\r\n2\r\n\r\na\r\nb\r\nc\r\nd\r\ne\r\n"
    first, second = parse(text)
    assert first.text == "one\ntwo\nthree\nfour"
    assert (second.prompt, second.rest) == ("a\nb\nc\n", "d\ne")


def test_a_sonnet_with_nothing_to_continue_is_left_out() -> None:
    assert parse("1\n\na\nb\nc\n\n2\n\na\nb\nc\nd\n") == parse("2\n\na\nb\nc\nd\n")


def test_another_number_of_sonnets_is_split_in_proportion() -> None:
    sonnets, _ = read(None)
    assert [len(part) for part in split(sonnets[:30]).values()] == [24, 3, 3]
    assert [len(part) for part in split(sonnets[:3]).values()] == [1, 1, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read the sonnets in"),
        (b"no number anywhere\n", "holds 0 numbered sonnets"),
        (b"1\n\na\nb\nc\nd\n", "holds 1 numbered sonnets"),
        (b"1\n\na\xff\n", "is not UTF-8"),
        (b"", "holds 0 numbered sonnets"),
    ],
)
def test_bad_data_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "sonnets.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        data_sha256(str(path))
    assert str(path) in str(caught.value)


@pytest.fixture
def task(sonnets_file: Path, small_tokenizer: Tokenizer) -> Task:
    return Task(str(sonnets_file), small_tokenizer, max_tokens=256)


def test_targets_are_the_next_tokens_and_padding_has_none(task: Task) -> None:
    (batch,) = task.batches("train", [3, 1], batch_size=2)
    for row, index in enumerate([3, 1]):
        ids = task.ids["train"][index]
        assert batch.input_ids[row, : len(ids) - 1].tolist() == ids[:-1]
        assert batch.targets[row, : len(ids) - 1].tolist() == ids[1:]
        assert set(batch.targets[row, len(ids) - 1 :].tolist()) <= {IGNORE}
    assert ids[-1] == task.tokenizer.eos_id
    assert len({len(task.ids["train"][index]) for index in (1, 3)}) == 2, "else no padding was seen"


def test_batches_cover_the_order_once(task: Task) -> None:
    order = list(range(task.size("train")))
    rows = [len(batch.input_ids) for batch in task.batches("train", order, batch_size=4)]
    assert rows == [4, 4, 2]


def test_long_sonnets_are_cut_at_the_models_length(sonnets_file: Path, small_tokenizer: Tokenizer) -> None:
    task = Task(str(sonnets_file), small_tokenizer, max_tokens=5)
    (batch,) = task.batches("dev", [0], batch_size=1)
    assert batch.input_ids.shape == (1, 5)


def test_a_perfect_continuation_scores_100(task: Task, loud_model: GPT2, monkeypatch: pytest.MonkeyPatch) -> None:
    rests = [sonnet.rest for sonnet in task.splits["dev"]]
    monkeypatch.setattr(module, "generate", lambda *arguments, **named: rests)
    evaluation = task.evaluate(loud_model, "dev", DecodeConfig(), seed=0)
    assert evaluation.metrics == {"chrf": 100.0, "chrf_new": 100.0}
    assert [sample["chrf_new"] for sample in evaluation.samples] == [100.0] * len(rests)


def test_the_given_lines_lift_chrf_and_not_chrf_new(
    task: Task, loud_model: GPT2, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "generate", lambda *arguments, **named: ["zzz"] * task.size("dev"))
    metrics = task.evaluate(loud_model, "dev", DecodeConfig(), seed=0).metrics
    assert metrics["chrf_new"] < 5 < 40 < metrics["chrf"]


def test_chrf_is_of_whole_texts_and_chrf_new_of_the_new_lines(
    small_tokenizer: Tokenizer, loud_model: GPT2, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Task(None, small_tokenizer, max_tokens=256)
    sonnets = task.splits["dev"]
    new = [sonnet.rest[::2] for sonnet in sonnets]
    monkeypatch.setattr(module, "generate", lambda *arguments, **named: new)
    evaluation = task.evaluate(loud_model, "dev", DecodeConfig(), seed=0)
    whole = [s.prompt + n for s, n in zip(sonnets, new, strict=True)]
    chrf = sacrebleu.corpus_chrf(whole, [[s.text for s in sonnets]]).score
    chrf_new = sacrebleu.corpus_chrf(new, [[s.rest for s in sonnets]]).score
    assert evaluation.metrics == pytest.approx({"chrf": chrf, "chrf_new": chrf_new})
    assert evaluation.samples[4]["chrf"] == pytest.approx(sacrebleu.sentence_chrf(whole[4], [sonnets[4].text]).score)


def test_it_scores_what_the_model_says(task: Task, loud_model: GPT2) -> None:
    evaluation = task.evaluate(loud_model, "test", DecodeConfig(max_new_tokens=5), seed=0)
    (sample,) = evaluation.samples
    assert sample["prompt"] == task.splits["test"][0].prompt
    assert sample["reference"] == task.splits["test"][0].rest
    assert evaluation == task.evaluate(loud_model, "test", DecodeConfig(max_new_tokens=5), seed=0)
