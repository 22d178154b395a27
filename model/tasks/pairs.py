"""Pairs: predict the class of two texts, with a linear head or as the next token (`data.answers`)."""

import torch

from model.data_settings import DataSettings
from model.pretrained.tokenizer import Tokenizer
from model.tasks import check_tokenizer
from model.tasks.classification import OwnTask
from model.tasks.data.lengths import cut
from model.tasks.data.pairs import find


class Task(OwnTask):
    """The tokenized pairs. If a pair exceeds `max_tokens`, each text is cut, the longer one first."""

    names = ("text", "text2")

    def __init__(
        self,
        data: str | None,
        tokenizer: Tokenizer,
        max_tokens: int,
        truncate: str | None = None,
        settings: DataSettings | None = None,
    ) -> None:
        found = find(data, settings)
        check_tokenizer("pairs", tokenizer, settings)
        found.check_room(tokenizer, max_tokens)
        super().__init__(found, tokenizer, max_tokens, truncate)
        self.question = tokenizer.encode(found.question)
        if words := found.settings.words:
            self.targets = torch.tensor([tokenizer.encode(word)[0] for word in words])  # (K,)
        else:
            self.classes = len(self.class_names)
            self.targets = torch.arange(self.classes)

    def shorten(self, ids: list[int], *texts: str) -> list[int]:
        """Return the ids of the pair with half of the room for each text; what one leaves is the other's."""
        first, second = ([*self.tokenizer.encode(text)] for text in texts)
        line = self.tokenizer.encode("\n")
        room = self.max_tokens - len(line) - len(self.question)
        half = max(room // 2, room - len(second))
        first = cut(first, half, self.truncate)
        second = cut(second, room - len(first), self.truncate)
        return [*first, *line, *second, *self.question]
