"""The sentiment task: the target at the last token, scores compared with a direct computation, and training."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model.config import LoRAConfig, TrainConfig
from model.errors import DataError
from model.gpt2 import GPT2
from model.loss import IGNORE
from model.pretrained.tokenizer import Tokenizer
from model.rng import generator
from model.tasks import find_data
from model.tasks.sentiment import Task
from model.training import Training, train
from tests.model.folders import WORDS
from tests.model.tasks.conftest import Write

HEADER = ("", "id", "sentence", "sentiment")
TEXTS = [" ".join(WORDS[n : n + 3 + n % 5]).capitalize() + " " for n in range(12)]


@pytest.fixture
def data(write: Write) -> str:
    """Twelve texts in three classes, in every split."""
    for split in ("train", "dev", "test"):
        path = write(f"ids-{split}.csv", HEADER, *((n, f"x{n}", text, n % 3) for n, text in enumerate(TEXTS)))
    return str(path.with_name("ids"))


@pytest.fixture
def task(data: str, small_tokenizer: Tokenizer) -> Task:
    return Task(data, small_tokenizer, max_tokens=256)


@pytest.fixture
def classifier(loud_model: GPT2) -> GPT2:
    loud_model.add_classifier(3, generator(0, "head"))
    return loud_model


def test_the_class_is_the_target_of_the_last_token(task: Task) -> None:
    assert task.classes == 3
    (batch,) = task.batches("train", [7, 1, 4], batch_size=3)
    for inputs, targets in zip(batch.input_ids, batch.targets, strict=True):
        (last,) = (targets != IGNORE).nonzero()[0].tolist()
        text = task.tokenizer.decode(inputs[: last + 1].tolist())
        assert targets[last] == [row.lower().strip() for row in TEXTS].index(text) % 3


def test_scores_equal_an_unbatched_computation(task: Task, classifier: GPT2) -> None:
    evaluation = task.evaluate(classifier, "dev", None, seed=0)
    for n, sample in enumerate(evaluation.samples):
        ids = torch.tensor([task.tokenizer.encode(TEXTS[n].lower().strip())])
        probabilities = classifier(ids)[0, -1].softmax(0)
        assert sample["predicted"] == probabilities.argmax()
        assert sample["probability"] == pytest.approx(probabilities.max().item(), abs=1e-5)
        assert (sample["example"], sample["label"], sample["sentence"]) == (n, n % 3, TEXTS[n])
    hits = sum(sample["label"] == sample["predicted"] for sample in evaluation.samples)
    assert evaluation.metrics["accuracy"] == hits / 12


def test_long_texts_are_cut_and_empty_ones_left_out(write: Write, small_tokenizer: Tokenizer) -> None:
    rows = [(0, "x", "the rose of summer", 0), (1, "y", "  ", 1), (2, "z", "fades", 1)]
    path = write("train.tsv", HEADER, *rows)
    write("dev.tsv", HEADER, *rows)
    task = Task(str(path.parent), small_tokenizer, max_tokens=2)
    assert task.splits["train"].ids[0].tolist() == small_tokenizer.encode("the rose of summer")[:2]
    assert task.skipped == {"train": 1, "dev": 1, "test": 0}
    assert task.size("test") == 0


def test_size_and_hash_need_no_tokenizer(data: str, task: Task) -> None:
    assert find_data("sentiment", data).size("train") == 12
    assert find_data("sentiment", data).sha256() == task.data_sha256


def test_one_class_and_unknown_classes_are_refused(write: Write, small_tokenizer: Tokenizer) -> None:
    path = write("train.tsv", HEADER, (0, "x", "good", 1))
    write("dev.tsv", HEADER, (0, "x", "good", 2))
    with pytest.raises(DataError, match=r"train\.tsv has only one class"):
        Task(str(path.parent), small_tokenizer, max_tokens=9)
    write("train.tsv", HEADER, (0, "x", "good", 1), (1, "y", "bad", 0))
    with pytest.raises(DataError, match=r"dev\.tsv has the label 2, but the training split's labels end at 1"):
        Task(str(path.parent), small_tokenizer, max_tokens=9)


# --- trainings


@pytest.fixture
def config(data: str, base_folder: Path) -> TrainConfig:
    return TrainConfig(task="sentiment", data=data, base=str(base_folder), epochs=4, batch_size=4, lr=1e-2)


@pytest.mark.parametrize(
    ("changes", "trained"),
    [
        ({"freeze": "base"}, 3 * 24),
        ({"lora": LoRAConfig(rank=2)}, 3 * 24 + 2 * 3 * (24 * 2 + 2 * 24)),
        ({}, None),
    ],
)
def test_head_is_trained_and_base_unless_frozen(
    config: TrainConfig, changes: dict[str, object], trained: int | None
) -> None:
    training = Training(replace(config, **changes))
    assert training.trainable_params == (training.total_params if trained is None else trained)
    assert "classifier.weight" in training.trainable
    first = training.run_epoch()
    losses = [first.train_loss, *(training.run_epoch().train_loss for _ in range(3))]
    assert losses[-1] < losses[0]  # type: ignore[operator]


def test_training_with_a_head_resumes_bit_for_bit(config: TrainConfig, tmp_path: Path) -> None:
    config = replace(config, freeze="base")
    *_, whole = train(config)
    folder = next(train(config)).training.save(tmp_path)
    *_, resumed = train(config, checkpoint=folder)
    assert resumed.dev_loss == whole.dev_loss
    assert torch.equal(resumed.model.head_weight, whole.model.head_weight)
    assert resumed.training.evaluate(None) == whole.training.evaluate(None)
