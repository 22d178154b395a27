"""Text: model the language of documents.

Training documents are packed: one after the other, each followed by the end of text, cut into sequences that fill the
base's positions. Development and test documents are not packed, so that their scores do not depend on how they lie:
each is read from the end-of-text token on, in windows that follow each other without overlap.

Shapes: B sequences per batch, T tokens in the longest of them.
"""

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from model.config import DecodeConfig
from model.data_settings import DataSettings
from model.decoding.generate import generate
from model.errors import DataError
from model.gpt2 import GPT2
from model.loss import IGNORE
from model.pretrained.tokenizer import Tokenizer
from model.settings import Scalar
from model.tasks import Batch, Evaluation
from model.tasks.data.sources import SPLITS
from model.tasks.data.text import find

SHOWN = 4  # documents that are continued from their beginning
BEGINNING = 16  # tokens of a document that are given
WORST = 300.0  # nats per token, beyond which perplexities are equal: they, and their variance, stay finite numbers


class Task:
    """Tokenized documents. `windows` holds the input and target ids of each sequence, with the document it is from."""

    classes = None

    def __init__(
        self,
        data: str | None,
        tokenizer: Tokenizer,
        max_tokens: int,
        truncate: str | None = None,
        settings: DataSettings | None = None,
    ) -> None:
        found = find(data, settings)
        self.tokenizer, self.max_tokens = tokenizer, max_tokens
        self.texts = {split: [text for (text,) in found.dataset.splits[split].texts] for split in SPLITS}
        self.windows = {
            split: list(_packed(self._documents(split), max_tokens) if split == "train" else self._windows(split))
            for split in SPLITS
        }
        self.data_sha256 = found.digest()

    def _documents(self, split: str) -> Iterator["array[int]"]:
        """Yield the ids of each document after those of the end of text."""
        for text in self.texts[split]:
            yield array("i", [self.tokenizer.eos_id, *self.tokenizer.encode(text)])

    def _windows(self, split: str) -> Iterator[tuple[int, "array[int]"]]:
        """Yield the windows of each document. Each begins with the last token of the one before."""
        for document, ids in enumerate(self._documents(split)):
            for start in range(0, len(ids) - 1, self.max_tokens):
                yield document, ids[start : start + self.max_tokens + 1]

    def size(self, split: str) -> int:
        return len(self.windows[split])

    def batches(self, split: str, order: Sequence[int], batch_size: int) -> Iterator[Batch]:
        """Yield batches of sequences. The target of a position is the next token; padding has none."""
        for start in range(0, len(order), batch_size):
            yield self._batch(split, order[start : start + batch_size])

    def _batch(self, split: str, indices: Sequence[int]) -> Batch:
        rows = [torch.tensor(self.windows[split][index][1]) for index in indices]
        longest = max(map(len, rows)) - 1
        inputs = torch.full((len(rows), longest), self.tokenizer.eos_id)
        targets = torch.full((len(rows), longest), IGNORE)
        for row, ids in enumerate(rows):
            inputs[row, : len(ids) - 1] = ids[:-1]
            targets[row, : len(ids) - 1] = ids[1:]
        return Batch(inputs, targets)

    def evaluate(self, model: GPT2, split: str, decode: DecodeConfig | None, seed: int) -> Evaluation:
        """Return the perplexity per token and the bits per byte of all documents of `split`.

        The records hold both for each document, and for the first SHOWN how `model` continues them. Raise DataError if
        there is no document.
        """
        texts = self.texts[split]
        if not texts:
            raise DataError(f"the {split} split has no text to score; give one, or score the dev split")
        losses, tokens = torch.zeros(len(texts), dtype=torch.double), [0] * len(texts)
        for index, (document, ids) in enumerate(self.windows[split]):
            losses[document] += self._loss(model, self._batch(split, [index]))
            tokens[document] += len(ids) - 1
        size = [len(text.encode()) for text in texts]
        total = losses.sum().item()
        metrics = {
            "perplexity": math.exp(min(WORST, total / sum(tokens))),
            "bits_per_byte": total / math.log(2) / sum(size),
        }
        shown = self._continued(model, texts[:SHOWN], decode, seed)
        samples: list[dict[str, Scalar]] = [
            {
                "example": example,
                **(shown[example] if example < SHOWN else {}),
                "perplexity": math.exp(min(WORST, loss / max(1, tokens[example]))),
                "bits_per_byte": loss / math.log(2) / size[example],
            }
            for example, loss in enumerate(losses.tolist())
        ]
        return Evaluation(metrics, samples)

    @torch.no_grad()
    def _loss(self, model: GPT2, batch: Batch) -> Tensor:
        """Return the cross-entropy summed over the targets of one sequence, in nats, in double precision."""
        model.eval()
        batch = batch.to(model.head_weight.device)
        logits = F.linear(model.hidden(batch.input_ids)[0], model.head_weight)  # (T, V)
        return F.cross_entropy(logits.float(), batch.targets[0], reduction="sum").double().cpu()

    def _continued(
        self, model: GPT2, texts: Sequence[str], decode: DecodeConfig | None, seed: int
    ) -> list[dict[str, Scalar]]:
        """Return the beginning of each text, the model's continuation, and the true one."""
        limit = min(BEGINNING, self.max_tokens // 2)
        ids = [self.tokenizer.encode(text) for text in texts]
        prompts = [self.tokenizer.decode(each[:limit]) for each in ids]
        generated = generate(model, self.tokenizer, prompts, decode, seed=seed)
        return [
            {"prompt": prompt, "generated": new, "reference": self.tokenizer.decode(each[limit:])}
            for prompt, new, each in zip(prompts, generated, ids, strict=True)
        ]


def _packed(documents: Iterable["array[int]"], length: int) -> Iterator[tuple[int, "array[int]"]]:
    """Yield the ids of all documents in sequences of `length` + 1: the last token of one is the first of the next."""
    ids = array("i")
    for document in documents:
        ids += document
    if ids:
        ids.append(ids[0])  # the end of text after the last document
    for start in range(0, len(ids) - 1, length):
        yield 0, ids[start : start + length + 1]
