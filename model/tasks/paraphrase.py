"""Paraphrases: do two questions ask the same? Answered by the next token, yes or no, of a cloze.

    Is "how do i learn spanish ?" a paraphrase of "what is the best way to learn spanish ?"? Answer "yes" or "no":

with a space behind the colon. Preprocessing and file format are those of the course project (Stanford CS224N 2025)
for Quora's question pairs.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from model.config import DecodeConfig
from model.gpt2 import GPT2
from model.tasks import Batch, DataError, Evaluation
from model.tasks.labelled import DataSet
from model.tasks.sources import ASSETS, OnHub, Shipped, files_sha256, find_files
from model.tasks.tables import Columns
from model.tokenizer import Tokenizer

DEFAULT = "questions"
KNOWN: dict[str, Shipped | OnHub] = {
    DEFAULT: Shipped(ASSETS / "paraphrase"),
    "qqp": OnHub(
        "nyu-mll/glue",
        {
            "train": "qqp/train-00000-of-00001.parquet",
            "dev": "qqp/validation-00000-of-00001.parquet",
            "test": "qqp/test-00000-of-00001.parquet",  # unlabelled
        },
    ),
}
COLUMNS = Columns(
    texts=(("sentence1", "question1"), ("sentence2", "question2")),
    label=("is_duplicate", "label"),
)
ANSWERS = ("no", "yes")  # by label


def preprocess(question: str) -> str:
    """Lower case, a space before each . ? , and apostrophe: the course's."""
    text = question.lower()
    for mark in ".?,'":
        text = text.replace(mark, f" {mark}")
    return text


def prompt(first: str, second: str) -> str:
    """What a model sees of two preprocessed questions."""
    return f'Is "{first}" a paraphrase of "{second}"? Answer "yes" or "no": '


def check_tokenizer(tokenizer: Tokenizer) -> None:
    """Raises DataError where an answer is not one token."""
    for word in ANSWERS:
        count = len(tokenizer.encode(word))
        if count != 1:
            raise DataError(
                f"task paraphrase answers with one token, but the base's vocabulary spells {word!r} with {count}; "
                "use a base with GPT-2's vocabulary, or tiny"
            )


def data_files(data: str | None) -> list[Path]:
    """The files of the splits. Raises DataError where they cannot be found."""
    return list(_data_set(data).files.values())


def data_sha256(data: str | None) -> str:
    """SHA-256 of the data's files. Raises DataError where they cannot be used."""
    return _data_set(data).sha256()


def train_size(data: str | None) -> int:
    """Usable training examples. Raises DataError."""
    return _data_set(data).size("train")


class Task:
    """The paraphrase task, tokenized; the questions of a pair that exceeds `max_tokens` lose their last words."""

    classes = None

    def __init__(self, data: str | None, tokenizer: Tokenizer, max_tokens: int) -> None:
        check_tokenizer(tokenizer)
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        data_set = _data_set(data)
        self.splits = data_set.load(self._encode)
        self.data_sha256 = files_sha256(data_set.files)
        self.skipped = {name: split.skipped for name, split in self.splits.items()}
        self.answers = torch.tensor([tokenizer.encode(word)[0] for word in ANSWERS])  # (2,)

    def size(self, split: str) -> int:
        return len(self.splits[split].labels)

    def batches(self, split: str, order: Sequence[int], batch_size: int) -> Iterator[Batch]:
        """Pairs of similar length together; the only target is the answer, at a prompt's last token."""
        return self.splits[split].batches(self.answers, order, batch_size, self.tokenizer.eos_id)

    def evaluate(self, model: GPT2, split: str, decode: DecodeConfig | None, seed: int) -> Evaluation:
        """Whether yes or no is the more probable next token; a record's `probability` is its share of the two.

        Raises DataError where `split` has no labels.
        """
        names = ("sentence1", "sentence2")
        return self.splits[split].evaluate(model, self.answers, self.tokenizer.eos_id, names)

    def _encode(self, first: str, second: str) -> list[int]:
        """The prompt's ids. Where they are too many, those of both questions' first words. Raises DataError."""
        first, second = preprocess(first), preprocess(second)
        ids = self.tokenizer.encode(prompt(first, second))
        if len(ids) <= self.max_tokens:
            return ids
        one, other = first.split(), second.split()
        for words in range(max(len(one), len(other)) - 1, -1, -1):
            ids = self.tokenizer.encode(prompt(" ".join(one[:words]), " ".join(other[:words])))
            if len(ids) <= self.max_tokens:
                return ids
        raise DataError(
            f"task paraphrase needs {len(ids)} tokens around its questions, but the base has {self.max_tokens} "
            "positions; use a larger base"
        )


def _data_set(data: str | None) -> DataSet:
    return DataSet(find_files(DEFAULT if data is None else data, KNOWN), COLUMNS, classes=len(ANSWERS))
