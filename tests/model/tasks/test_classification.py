"""The tasks classification and pairs: any labels, a head or words, and scores that equal a direct computation."""

from pathlib import Path

import pytest
import torch

from model.config import TrainConfig
from model.data_settings import DataSettings
from model.errors import DataError
from model.gpt2 import GPT2
from model.loss import IGNORE
from model.pretrained.tokenizer import Tokenizer
from model.rng import generator
from model.tasks import classification, pairs
from model.tasks.scores import accuracy, macro_f1, mcc
from model.training import train
from tests.model.folders import WORDS
from tests.model.tasks.data.new_users import write_pairs, write_reviews

MOOD = DataSettings(label="mood")


@pytest.fixture
def reviews(tmp_path: Path) -> str:
    return str(write_reviews(tmp_path / "reviews.csv"))


@pytest.fixture
def couples(tmp_path: Path) -> str:
    return str(write_pairs(tmp_path / "pairs.tsv"))


def test_text_labels_become_classes_in_order(reviews: str, small_tokenizer: Tokenizer) -> None:
    task = classification.Task(reviews, small_tokenizer, 256, settings=MOOD)
    assert (task.class_names, task.classes) == (("bad", "fine", "good"), 3)
    (batch,) = task.batches("train", [3, 0], batch_size=2)
    assert sorted(batch.targets[batch.targets != IGNORE].tolist()) == sorted(
        task.splits["train"].labels[index] for index in (3, 0)
    )


def test_scores_equal_an_unbatched_computation(reviews: str, small_tokenizer: Tokenizer, loud_model: GPT2) -> None:
    task = classification.Task(reviews, small_tokenizer, 256, settings=MOOD)
    loud_model.add_classifier(3, generator(0, "head"))
    evaluation = task.evaluate(loud_model, "train", None, seed=0)
    labels, predicted = task.splits["train"].labels, []
    for sample in evaluation.samples:
        ids = torch.tensor([small_tokenizer.encode(str(sample["text"]))])
        predicted.append(int(loud_model(ids)[0, -1].argmax()))
        assert sample["predicted"] == predicted[-1]
        assert sample["predicted_name"] == task.class_names[predicted[-1]]
    assert evaluation.metrics == {
        "accuracy": accuracy(labels, predicted),
        "macro_f1": macro_f1(labels, predicted),
        "mcc": mcc(labels, predicted),
    }


def test_sentiment_is_a_preset_of_classification(tmp_path: Path, base_folder: Path) -> None:
    """On texts in lower case and labels from 0, both compute the same numbers, bit for bit."""
    for split in ("train", "dev"):
        rows = [f"{' '.join(WORDS[n % 9 : n % 9 + 4])} {n}\t{n % 3}" for n in range(30)]
        (tmp_path / f"{split}.tsv").write_text("\n".join(["sentence\tlabel", *rows, ""]))
    found = []
    for task in ("sentiment", "classification"):
        *_, last = train(TrainConfig(task=task, data=str(tmp_path), base=str(base_folder), epochs=2, lr=1e-2))
        metrics = dict(last.training.evaluate(None).metrics)
        metrics.pop("mcc", None)
        found.append((last.train_loss, last.dev_loss, metrics))
    assert found[0] == found[1]


def test_a_training_reads_the_settings_of_its_data(reviews: str, base_folder: Path) -> None:
    config = TrainConfig(
        task="classification", data=reviews, data_settings=MOOD, base=str(base_folder), epochs=3, lr=1e-2, batch_size=8
    )
    *_, last = train(config)
    assert last.dev_loss < 1.2
    assert last.training.task.classes == 3
    assert set(last.training.evaluate(None).metrics) == {"accuracy", "macro_f1", "mcc"}


def test_pairs_with_a_head(couples: str, small_tokenizer: Tokenizer) -> None:
    task = pairs.Task(couples, small_tokenizer, 256)
    assert (task.class_names, task.classes) == (("no", "yes"), 2)
    texts = task.splits["train"].texts
    assert texts is not None
    assert task.splits["train"].ids[0].tolist() == small_tokenizer.encode("\n".join(texts[0]))


@pytest.mark.parametrize("answers", ["no,yes", "no, yes,"])
def test_pairs_in_words(couples: str, tiny_tokenizer: Tokenizer, wide_model: GPT2, answers: str) -> None:
    settings = DataSettings(answers=answers)
    task = pairs.Task(couples, tiny_tokenizer, 256, settings=settings)
    assert task.classes is None
    assert task.targets.tolist() == [tiny_tokenizer.encode(word)[0] for word in ("no", "yes")]
    ids = task.splits["train"].ids[0]
    assert tiny_tokenizer.decode(ids.tolist()).endswith('\nAnswer "no" or "yes": ')
    logits = wide_model(ids[None].long())[0, -1, task.targets]
    sample = task.evaluate(wide_model, "train", None, seed=0).samples[0]
    assert sample["predicted_name"] == task.class_names[int(logits.argmax())]
    assert sample["probability"] == pytest.approx(logits.softmax(0).max().item(), abs=1e-5)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ("yes", "1 words for 2 classes; write a different one for each of no, yes, in this order"),
        ("no,no", "2 words for 2 classes; write a different one for each"),
        ("no,yes,no", "3 words for 2 classes"),
        ("nevertheless,yes", "the base's vocabulary spells 'nevertheless' with"),
    ],
)
def test_answers_must_be_one_token_for_each_class(
    couples: str, tiny_tokenizer: Tokenizer, answers: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        pairs.Task(couples, tiny_tokenizer, 256, settings=DataSettings(answers=answers))


@pytest.mark.parametrize("answers", [None, "no,yes"])
@pytest.mark.parametrize("part", [None, "head", "middle"])
def test_long_pairs_are_cut_but_not_their_question(
    tmp_path: Path, tiny_tokenizer: Tokenizer, part: str | None, answers: str | None
) -> None:
    rows = [f"{'a b c d e f g h ' * (n % 4 * 5 + 1)}{n}\t{'x y z ' * (n % 3 * 9 + 1)}{n}\t{n % 2}" for n in range(40)]
    (tmp_path / "long.tsv").write_text("\n".join(["text1\ttext2\tlabel", *rows]))
    settings = DataSettings(answers=answers)
    whole = pairs.Task(str(tmp_path / "long.tsv"), tiny_tokenizer, 256, part, settings).splits["train"].ids
    short = pairs.Task(str(tmp_path / "long.tsv"), tiny_tokenizer, 40, part, settings).splits["train"].ids
    question = tiny_tokenizer.encode('\nAnswer "no" or "yes": ') if answers else []
    for index in range(len(whole)):
        ids = short[index].tolist()
        assert len(ids) == min(40, len(whole[index]))
        assert ids[len(ids) - len(question) :] == question
        assert tiny_tokenizer.encode("\n")[0] in ids[: len(ids) - len(question)]
