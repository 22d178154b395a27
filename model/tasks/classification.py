"""Classification: predict the class of a text with a linear head on the hidden state of its last token."""

from collections.abc import Sequence

import torch

from model.data_settings import DataSettings
from model.pretrained.tokenizer import Tokenizer
from model.settings import Scalar
from model.tasks.data.classification import find
from model.tasks.data.lengths import cut
from model.tasks.data.own import OwnData
from model.tasks.labelled import LabelledTask
from model.tasks.scores import mcc


class OwnTask(LabelledTask):
    """A labelled task on a user's own data: classes by name, and Matthews' correlation among the metrics."""

    def __init__(self, data: OwnData, tokenizer: Tokenizer, max_tokens: int, truncate: str | None) -> None:
        data.check()
        self.class_names = data.dataset.classes
        super().__init__(data, tokenizer, max_tokens, truncate)

    def score(self, labels: Sequence[int], predicted: Sequence[int]) -> dict[str, float]:
        return {**super().score(labels, predicted), "mcc": mcc(labels, predicted)}

    def names_of(self, label: int, predicted: int) -> dict[str, Scalar]:
        return {"label_name": self.class_names[label], "predicted_name": self.class_names[predicted]}


class Task(OwnTask):
    """The tokenized classification task. Texts are cut to `max_tokens`."""

    names = ("text",)

    def __init__(
        self,
        data: str | None,
        tokenizer: Tokenizer,
        max_tokens: int,
        truncate: str | None = None,
        settings: DataSettings | None = None,
    ) -> None:
        super().__init__(find(data, settings), tokenizer, max_tokens, truncate)
        self.classes = len(self.class_names)
        self.targets = torch.arange(self.classes)

    def shorten(self, ids: list[int], *texts: str) -> list[int]:
        return cut(ids, self.max_tokens, self.truncate)
