"""Sentiment: predict the class of a text with a linear head on the hidden state of its last token."""

import torch

from model.pretrained.tokenizer import Tokenizer
from model.tasks.data.lengths import cut
from model.tasks.data.sentiment import find
from model.tasks.labelled import LabelledTask


class Task(LabelledTask):
    """The tokenized sentiment task. Texts are cut to `max_tokens`."""

    names = ("sentence",)

    def __init__(self, data: str | None, tokenizer: Tokenizer, max_tokens: int, truncate: str | None = None) -> None:
        found = find(data)
        super().__init__(found, tokenizer, max_tokens, truncate)
        self.classes = found.count_classes({name: split.labels for name, split in self.splits.items()})
        self.targets = torch.arange(self.classes)

    def shorten(self, ids: list[int], *texts: str) -> list[int]:
        return cut(ids, self.max_tokens, self.truncate)
