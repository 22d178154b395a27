"""Paraphrases: do two questions ask the same? Answered by the next token, yes or no, of a cloze.

    Is "how do i learn spanish ?" a paraphrase of "what is the best way to learn spanish ?"? Answer "yes" or "no":

with a space behind the colon. Preprocessing is that of the course project (Stanford CS224N 2025).
"""

from collections.abc import Iterator, Sequence

import torch

from model.config import DecodeConfig
from model.errors import DataError
from model.gpt2 import GPT2
from model.pretrained.tokenizer import Tokenizer
from model.task_specs import TASKS
from model.tasks import Batch, Evaluation, check_tokenizer
from model.tasks.data.paraphrase import find
from model.tasks.data.sources import files_sha256
from model.tasks.labelled import load_splits

ANSWERS = TASKS["paraphrase"].answers


def preprocess(question: str) -> str:
    """Lower case, a space before each . ? , and apostrophe: the course's."""
    text = question.lower()
    for mark in ".?,'":
        text = text.replace(mark, f" {mark}")
    return text


def prompt(first: str, second: str) -> str:
    """What a model sees of two preprocessed questions."""
    return f'Is "{first}" a paraphrase of "{second}"? Answer "yes" or "no": '


class Task:
    """The paraphrase task, tokenized; the questions of a pair that exceeds `max_tokens` lose their last words."""

    classes = None

    def __init__(self, data: str | None, tokenizer: Tokenizer, max_tokens: int) -> None:
        check_tokenizer("paraphrase", tokenizer)
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        found = find(data)
        self.splits = load_splits(found, self._encode)
        self.data_sha256 = files_sha256(found.files)
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
