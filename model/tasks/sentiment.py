"""Sentiment: which of K classes a text belongs to, by a linear head on its last token's hidden state.

Preprocessing and file format are those of the course project (Stanford CS224N 2025, part 1) for SST-5 and CFIMDB. The
classes are the labels 0 .. K - 1 of the training split.
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

DEFAULT = "reviews"
KNOWN: dict[str, Shipped | OnHub] = {
    DEFAULT: Shipped(ASSETS / "sentiment" / DEFAULT),
    "verdicts": Shipped(ASSETS / "sentiment" / "verdicts"),
    "sst5": OnHub("SetFit/sst5", {"train": "train.jsonl", "dev": "dev.jsonl", "test": "test.jsonl"}),
}
COLUMNS = Columns(texts=(("sentence", "text"),), label=("sentiment", "label"))


def check_tokenizer(tokenizer: Tokenizer) -> None:
    """Every vocabulary will do: the classes have a head of their own."""


def data_files(data: str | None) -> list[Path]:
    """The files of the splits. Raises DataError where they cannot be found."""
    return list(_data_set(data).files.values())


def data_sha256(data: str | None) -> str:
    """SHA-256 of the data's files. Raises DataError where they cannot be used."""
    data_set = _data_set(data)
    _classes(data_set, {split: data_set.labels(split) for split in data_set.files})
    return data_set.sha256()


def train_size(data: str | None) -> int:
    """Usable training examples. Raises DataError."""
    return _data_set(data).size("train")


class Task:
    """The sentiment task, tokenized; texts longer than `max_tokens` are cut there."""

    def __init__(self, data: str | None, tokenizer: Tokenizer, max_tokens: int) -> None:
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        data_set = _data_set(data)
        self.splits = data_set.load(self._encode)
        self.data_sha256 = files_sha256(data_set.files)
        self.skipped = {name: split.skipped for name, split in self.splits.items()}
        self.classes = _classes(data_set, {name: split.labels for name, split in self.splits.items()})

    def size(self, split: str) -> int:
        return len(self.splits[split].labels)

    def batches(self, split: str, order: Sequence[int], batch_size: int) -> Iterator[Batch]:
        """Texts of similar length together; the only target is the class, at a text's last token."""
        return self.splits[split].batches(torch.arange(self.classes), order, batch_size, self.tokenizer.eos_id)

    def evaluate(self, model: GPT2, split: str, decode: DecodeConfig | None, seed: int) -> Evaluation:
        """The most probable class of each text. Raises DataError where `split` has no labels."""
        return self.splits[split].evaluate(model, torch.arange(self.classes), self.tokenizer.eos_id, ("sentence",))

    def _encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text.lower().strip())[: self.max_tokens]


def _classes(data_set: DataSet, labels: dict[str, list[int]]) -> int:
    """How many classes the training split has. Raises DataError where that is one, or another split has more."""
    known = set(labels["train"])
    classes = len(known)
    if classes < 2:
        raise DataError(f"{data_set.files['train']} has one class only; a classifier needs two")
    if max(known) >= classes:
        missing = min(set(range(max(known))) - known)
        raise DataError(
            f"{data_set.files['train']} has the label {max(known)}, but none is {missing}; number the classes from 0"
        )
    for split, seen in labels.items():
        if any(label >= classes for label in seen):
            raise DataError(
                f"{data_set.files[split]} has the label {max(seen)}, but the training split's labels end at "
                f"{classes - 1}; give splits of one data set"
            )
    return classes


def _data_set(data: str | None) -> DataSet:
    return DataSet(find_files(DEFAULT if data is None else data, KNOWN), COLUMNS)
