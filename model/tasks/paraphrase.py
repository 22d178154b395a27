"""Paraphrase detection: do two questions ask the same? The model answers with the next token, yes or no.

    Is "how do i learn spanish ?" a paraphrase of "what is the best way to learn spanish ?"? Answer "yes" or "no":

A space follows the colon.
"""

import torch

from model.pretrained.tokenizer import Tokenizer
from model.task_specs import TASKS
from model.tasks import check_tokenizer
from model.tasks.data.lengths import cut
from model.tasks.data.paraphrase import find, preprocess, prompt
from model.tasks.labelled import LabelledTask

ANSWERS = TASKS["paraphrase"].answers


class Task(LabelledTask):
    """The tokenized paraphrase task. If a prompt exceeds `max_tokens`, words of its questions are cut."""

    names = ("sentence1", "sentence2")

    def __init__(self, data: str | None, tokenizer: Tokenizer, max_tokens: int, truncate: str | None = None) -> None:
        check_tokenizer("paraphrase", tokenizer)
        found = find(data)
        found.check_room(tokenizer, max_tokens)
        super().__init__(found, tokenizer, max_tokens, truncate)
        self.targets = torch.tensor([tokenizer.encode(word)[0] for word in ANSWERS])  # (2,)

    def shorten(self, ids: list[int], *texts: str) -> list[int]:
        """Return the token ids of the prompt with as many words of each question as fit."""
        questions = [preprocess(text).split() for text in texts]
        words = max(map(len, questions))
        while len(ids) > self.max_tokens:
            words -= 1
            ids = self.tokenizer.encode(prompt(*(" ".join(cut(each, words, self.truncate)) for each in questions)))
        return ids
