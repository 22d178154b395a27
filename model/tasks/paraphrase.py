"""Paraphrase detection: do two questions ask the same? The model answers with the next token, yes or no.

    Is "how do i learn spanish ?" a paraphrase of "what is the best way to learn spanish ?"? Answer "yes" or "no":

A space follows the colon. Preprocessing is that of the course project (Stanford CS224N 2025).
"""

import torch

from model.errors import DataError
from model.pretrained.tokenizer import Tokenizer
from model.task_specs import TASKS
from model.tasks import check_tokenizer
from model.tasks.data.paraphrase import find
from model.tasks.labelled import LabelledTask

ANSWERS = TASKS["paraphrase"].answers


def preprocess(question: str) -> str:
    """Return the question in lower case with a space before each of . ? , and '."""
    text = question.lower()
    for mark in ".?,'":
        text = text.replace(mark, f" {mark}")
    return text


def prompt(first: str, second: str) -> str:
    """Return the model input for two preprocessed questions."""
    return f'Is "{first}" a paraphrase of "{second}"? Answer "yes" or "no": '


class Task(LabelledTask):
    """The tokenized paraphrase task. If a prompt exceeds `max_tokens`, the ends of its questions are cut."""

    names = ("sentence1", "sentence2")

    def __init__(self, data: str | None, tokenizer: Tokenizer, max_tokens: int) -> None:
        check_tokenizer("paraphrase", tokenizer)
        super().__init__(find(data), tokenizer, max_tokens)
        self.targets = torch.tensor([tokenizer.encode(word)[0] for word in ANSWERS])  # (2,)

    def encode(self, *texts: str) -> list[int]:
        """Return the token ids of the prompt, shortening the questions to fit. Raise DataError if none fits."""
        first, second = map(preprocess, texts)
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
