"""The paraphrase task: prompt, target, scores compared with a direct computation, and errors."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.config import TrainConfig
from model.errors import DataError
from model.gpt2 import GPT2
from model.loss import IGNORE
from model.pretrained.tokenizer import Tokenizer
from model.tasks import check_tokenizer, find_data
from model.tasks import labelled as labelled_module
from model.tasks.paraphrase import ANSWERS, Task, preprocess, prompt
from model.training import Training
from tests.model.tasks.conftest import Write

RELEASED = Path(__file__).parents[4] / "shared" / "data" / "gpt2-bpe"
HEADER = ("", "id", "sentence1", "sentence2", "is_duplicate")
TRAIN = [("How do I cook rice?", f"What's the price of {n} horses, sir?", float(n % 3 == 0)) for n in range(12)]
DEV = [("Is it so?", "Is it so, then?", "1.0"), ("Who?", "Who are you, my good old friend?", "0.0"), ("a", "b", "")]


@pytest.fixture
def data(write: Write) -> str:
    """A set of twelve and two pairs, with one unlabelled dev row and an unlabelled test split."""
    for split, rows in {"train": TRAIN, "dev": DEV}.items():
        path = write(f"quora-{split}.csv", HEADER, *((n, f"x{n}", *row) for n, row in enumerate(rows)))
    write("quora-test-student.csv", HEADER[:-1], (0, "y", "a", "b"), (1, "z", "c", "d"))
    return str(path.with_name("quora"))


@pytest.fixture
def task(data: str, tiny_tokenizer: Tokenizer) -> Task:
    return Task(data, tiny_tokenizer, max_tokens=256)


def test_questions_are_preprocessed_as_in_the_course() -> None:
    assert preprocess("What's up, Dr. No?") == "what 's up , dr . no ?"
    assert preprocess("  Is it\u00a0so ,  or\tnot ? \n") == "is it so , or not ?"


@given(st.text(alphabet="aB.?,' \t\n\r\f\u00a0\u2003\u0130"))
def test_preprocessing_equals_the_courses(text: str) -> None:
    lower = text.lower().replace(".", " .").replace("?", " ?").replace(",", " ,").replace("'", " '")
    assert preprocess(text) == " ".join(lower.split())


def test_the_prompt_asks_for_one_of_two_tokens(task: Task) -> None:
    assert task.tokenizer.decode(task.splits["dev"].ids[0].tolist()) == (
        'Is "is it so ?" a paraphrase of "is it so , then ?"? Answer "yes" or "no": '
    )
    assert [task.tokenizer.decode([i]) for i in task.targets.tolist()] == ["no", "yes"]


def test_gpt2s_own_answers() -> None:
    if not RELEASED.is_dir():
        pytest.skip("GPT-2's vocabulary does not lie beside the project")
    task = Task(None, Tokenizer.from_folder(RELEASED), max_tokens=1024)
    assert task.targets.tolist() == [3919, 8505]
    (batch,) = task.batches("dev", range(8), 8)
    assert set(batch.targets[batch.targets != IGNORE].tolist()) == {3919, 8505}


def test_the_answer_is_the_target_of_the_last_real_position(task: Task) -> None:
    for batch in task.batches("train", [5, 3, 11, 0], batch_size=4):
        assert batch.input_ids.dtype == torch.long
        assert (batch.targets != IGNORE).sum(1).tolist() == [1] * 4
        for inputs, targets in zip(batch.input_ids, batch.targets, strict=True):
            (last,) = (targets != IGNORE).nonzero()[0].tolist()
            text = task.tokenizer.decode(inputs[: last + 1].tolist())
            same = next(row[2] for row in TRAIN if prompt(preprocess(row[0]), preprocess(row[1])) == text)
            assert task.tokenizer.decode([int(targets[last])]) == ANSWERS[int(same)]
            assert set(inputs[last + 1 :].tolist()) <= {task.tokenizer.eos_id}


def test_rows_without_a_label_are_counted(task: Task) -> None:
    assert {split: task.size(split) for split in ("train", "dev", "test")} == {"train": 12, "dev": 2, "test": 0}
    assert task.skipped == {"train": 0, "dev": 1, "test": 2}
    assert list(task.batches("test", [], 4)) == []


def test_checking_warns_of_rows_that_are_left_out(data: str, caplog: pytest.LogCaptureFixture) -> None:
    """Of the one in dev; a test split without any label is meant to have none."""
    find_data("paraphrase", data).sha256()
    (record,) = caplog.records
    assert record.getMessage() == f"{data}-dev.csv: 1 rows without a label or a text are left out"


def test_an_unlabelled_split_cannot_be_scored(task: Task, wide_model: GPT2) -> None:
    with pytest.raises(DataError, match=r"test-student\.csv has no labels to score"):
        task.evaluate(wide_model, "test", None, seed=0)


def test_size_and_hash_need_no_tokenizer(data: str, task: Task) -> None:
    assert find_data("paraphrase", data).size("train") == 12
    assert find_data("paraphrase", data).sha256() == task.data_sha256
    Path(data + "-train.csv").write_text("\t".join(HEADER) + "\n0\tx\ta\tb\t1.0\n")
    assert find_data("paraphrase", data).sha256() != task.data_sha256


def test_scores_equal_an_unbatched_computation(task: Task, wide_model: GPT2) -> None:
    evaluation = task.evaluate(wide_model, "train", None, seed=0)
    hits = 0
    for sample, (first, second, same) in zip(evaluation.samples, TRAIN, strict=True):
        ids = torch.tensor([task.tokenizer.encode(prompt(preprocess(first), preprocess(second)))])
        no, yes = (wide_model(ids)[0, -1, task.tokenizer.encode(word)[0]].item() for word in ANSWERS)
        guess = int(yes > no)
        hits += guess == same
        probability = torch.tensor([no, yes]).softmax(0)[guess].item()
        assert sample["probability"] == pytest.approx(probability, abs=1e-5)
        assert (sample["label"], sample["predicted"]) == (same, guess)
        assert (sample["sentence1"], sample["sentence2"]) == (first, second)
    assert evaluation.metrics["accuracy"] == hits / len(TRAIN)
    assert 0 < evaluation.metrics["macro_f1"] <= 1


def test_loss_is_cross_entropy_over_the_whole_vocabulary(data: str, task: Task) -> None:
    training = Training(TrainConfig(task="paraphrase", data=data))
    losses = []
    for first, second, same in DEV[:2]:
        ids = torch.tensor([task.tokenizer.encode(prompt(preprocess(first), preprocess(second)))])
        answer = task.tokenizer.encode(ANSWERS[int(float(same))])[0]
        losses.append(-training.model(ids)[0, -1].log_softmax(0)[answer].item())
    assert training.dev_loss() == pytest.approx(sum(losses) / 2, rel=1e-5)


def test_records_of_a_large_split_carry_no_texts(
    data: str, tiny_tokenizer: Tokenizer, wide_model: GPT2, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labelled_module, "KEPT_TEXTS", 11)
    task = Task(data, tiny_tokenizer, max_tokens=256)
    assert task.splits["train"].texts is None
    assert set(task.evaluate(wide_model, "train", None, 0).samples[0]) == {
        "example",
        "label",
        "predicted",
        "probability",
    }
    assert "sentence1" in task.evaluate(wide_model, "dev", None, 0).samples[0]


def test_long_pairs_lose_words_and_not_the_frame(data: str, tiny_tokenizer: Tokenizer) -> None:
    whole = Task(data, tiny_tokenizer, max_tokens=256).splits["train"].ids
    limit = min(whole.lengths) - 4
    short = Task(data, tiny_tokenizer, max_tokens=limit).splits["train"].ids
    assert max(short.lengths) <= limit
    for index in range(12):
        text = tiny_tokenizer.decode(short[index].tolist())
        assert text.startswith('Is "how do i')
        assert text.endswith('"? Answer "yes" or "no": ')
    with pytest.raises(DataError, match=r"needs \d+ tokens around its questions, but the base has 9 positions"):
        Task(data, tiny_tokenizer, max_tokens=9)


def test_a_vocabulary_without_the_answers_is_refused(small_tokenizer: Tokenizer, tiny_tokenizer: Tokenizer) -> None:
    with pytest.raises(DataError, match="the base's vocabulary spells 'no' with 2; use a base with GPT-2's vocabulary"):
        check_tokenizer("paraphrase", small_tokenizer)
    with pytest.raises(DataError, match="spells 'no'"):
        Task(None, small_tokenizer, max_tokens=256)
    check_tokenizer("paraphrase", tiny_tokenizer)
    for task in ("sonnets", "sentiment"):
        check_tokenizer(task, small_tokenizer)


def test_a_split_needs_a_usable_row(write: Write) -> None:
    write("train.tsv", HEADER, (0, "x", "a", "b", "1.0"))
    path = write("dev.tsv", HEADER, (0, "x", "a", "b", ""))
    with pytest.raises(DataError, match=r"dev\.tsv has no row with a label and a text"):
        find_data("paraphrase", str(path.parent)).sha256()
