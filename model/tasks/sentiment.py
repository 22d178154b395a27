"""Sentiment: which of K classes a text belongs to, by a linear head on its last token's hidden state.

Preprocessing is that of the course project (Stanford CS224N 2025, part 1) for SST-5 and CFIMDB.
"""

from collections.abc import Iterator, Sequence

import torch

from model.config import DecodeConfig
from model.gpt2 import GPT2
from model.pretrained.tokenizer import Tokenizer
from model.tasks import Batch, Evaluation
from model.tasks.data.sentiment import find
from model.tasks.data.sources import files_sha256
from model.tasks.labelled import load_splits


class Task:
    """The sentiment task, tokenized; texts longer than `max_tokens` are cut there."""

    def __init__(self, data: str | None, tokenizer: Tokenizer, max_tokens: int) -> None:
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        found = find(data)
        self.splits = load_splits(found, self._encode)
        self.data_sha256 = files_sha256(found.files)
        self.skipped = {name: split.skipped for name, split in self.splits.items()}
        self.classes = found.count_classes({name: split.labels for name, split in self.splits.items()})

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
