"""Sentiment: predict the class of a text with a linear head on the hidden state of its last token.

Preprocessing is that of the course project (Stanford CS224N 2025, part 1) for SST-5 and CFIMDB.
"""

import torch

from model.pretrained.tokenizer import Tokenizer
from model.tasks.data.sentiment import find
from model.tasks.labelled import LabelledTask


class Task(LabelledTask):
    """The tokenized sentiment task. Texts are truncated to `max_tokens`."""

    names = ("sentence",)

    def __init__(self, data: str | None, tokenizer: Tokenizer, max_tokens: int) -> None:
        found = find(data)
        super().__init__(found, tokenizer, max_tokens)
        self.classes = found.count_classes({name: split.labels for name, split in self.splits.items()})
        self.targets = torch.arange(self.classes)

    def encode(self, *texts: str) -> list[int]:
        return self.tokenizer.encode(texts[0].lower().strip())[: self.max_tokens]
