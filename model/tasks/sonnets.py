"""Sonnet generation: continue a Shakespeare sonnet from its first three lines.

The model input for sonnet 18 is

    Shall I compare thee to a summer's day?
    Thou art more lovely and more temperate:
    ...

without indentation, followed by the end-of-text token.
"""

from collections.abc import Iterator, Sequence

import torch

from model.config import DecodeConfig
from model.decoding.generate import generate_draws
from model.errors import DataError
from model.gpt2 import GPT2
from model.loss import IGNORE
from model.pretrained.tokenizer import Tokenizer
from model.settings import Scalar
from model.tasks import Batch, Evaluation
from model.tasks.data.lengths import cut
from model.tasks.data.sonnets import find
from model.tasks.draws import over_draws
from model.tasks.scores import corpus_chrf, sentence_chrf


class Task:
    """The tokenized sonnet task. Sequences are cut to `max_tokens`; prompts to generate from are not."""

    def __init__(self, data: str | None, tokenizer: Tokenizer, max_tokens: int, truncate: str | None = None) -> None:
        found = find(data)
        self.data_sha256 = found.digest()
        self.tokenizer = tokenizer
        self.classes = None
        self.splits = found.splits()
        self.ids = {
            name: [cut([*tokenizer.encode(sonnet.text), tokenizer.eos_id], max_tokens + 1, truncate) for sonnet in part]
            for name, part in self.splits.items()
        }

    def size(self, split: str) -> int:
        return len(self.ids[split])

    def batches(self, split: str, order: Sequence[int], batch_size: int) -> Iterator[Batch]:
        """Yield batches for causal language modelling. The target of a position is the next token; padding has none."""
        for start in range(0, len(order), batch_size):
            rows = [self.ids[split][index] for index in order[start : start + batch_size]]
            longest = max(map(len, rows)) - 1
            inputs = torch.full((len(rows), longest), self.tokenizer.eos_id)
            targets = torch.full((len(rows), longest), IGNORE)
            for row, ids in enumerate(rows):
                inputs[row, : len(ids) - 1] = torch.tensor(ids[:-1])
                targets[row, : len(ids) - 1] = torch.tensor(ids[1:])
            yield Batch(inputs, targets)

    def evaluate(self, model: GPT2, split: str, decode: DecodeConfig | None, seed: int) -> Evaluation:
        """Generate a continuation of every prompt of `split` and score the texts.

        `chrf` compares whole texts, prompts included, as the paper does. This inflates the score, because the prompts
        are given. `chrf_new` compares only the generated lines with the true ones. With `decode.repeats`, the texts are
        drawn several times: see `over_draws`. Raise DataError if the true lines of `split` are unknown.
        """
        if not self.splits[split]:
            raise DataError(f"the true lines of the {split} sonnets are unknown; score the dev split")
        prompts = [sonnet.prompt for sonnet in self.splits[split]]
        drawn = generate_draws(model, self.tokenizer, prompts, decode or DecodeConfig(), seed=seed)
        return over_draws([self._score(split, generated) for generated in drawn])

    def _score(self, split: str, generated: Sequence[str]) -> Evaluation:
        """Score the generated continuation of every prompt of `split`."""
        sonnets = self.splits[split]
        whole = [sonnet.prompt + new for sonnet, new in zip(sonnets, generated, strict=True)]
        metrics = {
            "chrf": corpus_chrf(whole, [sonnet.text for sonnet in sonnets]),
            "chrf_new": corpus_chrf(generated, [sonnet.rest for sonnet in sonnets]),
        }
        samples: list[dict[str, Scalar]] = [
            {
                "example": example,
                "prompt": sonnet.prompt,
                "generated": new,
                "reference": sonnet.rest,
                "chrf": sentence_chrf(sonnet.prompt + new, sonnet.text),
                "chrf_new": sentence_chrf(new, sonnet.rest),
            }
            for example, (sonnet, new) in enumerate(zip(sonnets, generated, strict=True))
        ]
        return Evaluation(metrics, samples)
