"""Labelled texts, tokenized: what the tasks that predict one class per text have in common.

The class is predicted at the last token of a sequence: as the next token, or through a classifier. Shapes: N examples,
B of a batch, T tokens, C width, K classes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from model.config import Scalar
from model.errors import DataError
from model.gpt2 import GPT2
from model.loss import IGNORE
from model.tasks import Batch, Evaluation
from model.tasks.batching import Ragged, by_length
from model.tasks.classification import accuracy, macro_f1
from model.tasks.data.labelled import LabelledData
from model.tasks.data.sources import SPLITS

KEPT_TEXTS = 2_000  # examples of a split, at most, whose texts stand in its records: these must stay small
EVALUATED = 64  # sequences per batch of an evaluation

Encode = Callable[..., Sequence[int]]  # the token ids of an example's texts


@dataclass(frozen=True)
class Split:
    """The usable examples of a split. `texts` is None where there are too many to keep."""

    name: str  # its file, for messages
    ids: Ragged
    labels: list[int]
    texts: list[tuple[str, ...]] | None
    skipped: int  # rows without a label or without a text

    def batches(self, targets: Tensor, order: Sequence[int], batch_size: int, pad: int) -> Iterator[Batch]:
        """The last token of each sequence is to predict `targets` (K,) at its label; nothing else counts."""
        for indices in by_length(self.ids.lengths, order, batch_size):
            inputs = self.ids.padded(indices, pad)
            wanted = torch.full_like(inputs, IGNORE)
            labels = [self.labels[index] for index in indices]
            wanted[torch.arange(len(indices)), self.ids.last(indices)] = targets[labels]
            yield Batch(inputs, wanted)

    @torch.no_grad()
    def probabilities(self, model: GPT2, targets: Tensor, pad: int) -> Tensor:
        """Of each class for each example, among `targets` (K,) of the head alone: (N, K). Holds one batch at a time."""
        model.eval()
        device = model.head_weight.device
        out = torch.empty(len(self.ids), len(targets))
        ranked = sorted(range(len(self.ids)), key=self.ids.lengths.__getitem__)
        for start in range(0, len(ranked), EVALUATED):
            indices = ranked[start : start + EVALUATED]
            hidden = model.hidden(self.ids.padded(indices, pad).to(device))  # (B, T, C)
            last = hidden[torch.arange(len(indices)), self.ids.last(indices)]  # (B, C)
            logits = F.linear(last, model.head_weight[targets.to(device)])  # (B, K)
            out[indices] = logits.float().softmax(1).cpu()
        return out

    def evaluate(self, model: GPT2, targets: Tensor, pad: int, names: Sequence[str]) -> Evaluation:
        """Scores of the most probable classes among `targets` (K,); `names` are what records call the texts.

        Raises DataError where nothing is labelled.
        """
        if not self.labels:
            raise DataError(f"{self.name} has no labels to score against; score the dev split")
        probabilities = self.probabilities(model, targets, pad)
        predicted: list[int] = probabilities.argmax(1).tolist()
        metrics = {"accuracy": accuracy(self.labels, predicted), "macro_f1": macro_f1(self.labels, predicted)}
        samples: list[dict[str, Scalar]] = [
            {
                "example": example,
                **(dict(zip(names, self.texts[example], strict=True)) if self.texts is not None else {}),
                "label": label,
                "predicted": guess,
                "probability": probabilities[example, guess].item(),
            }
            for example, (label, guess) in enumerate(zip(self.labels, predicted, strict=True))
        ]
        return Evaluation(metrics, samples)


def load_splits(data: LabelledData, encode: Encode) -> dict[str, Split]:
    """All splits, tokenized by `encode`. Raises DataError."""
    return {split: _load(data, split, encode) for split in SPLITS}


def _load(data: LabelledData, split: str, encode: Encode) -> Split:
    labels: list[int] = []
    texts: list[tuple[str, ...]] = []
    skipped = 0

    def sequences() -> Iterator[Sequence[int]]:
        nonlocal skipped
        for row in data.rows(split):
            if row is None:
                skipped += 1
                continue
            labels.append(row.label)
            if len(labels) <= KEPT_TEXTS:
                texts.append(row.texts)
            yield encode(*row.texts)

    ids = Ragged(sequences())
    name = str(data.files.get(split, f"the {split} split, which is not there,"))
    return Split(name, ids, labels, texts if len(texts) == len(labels) else None, skipped)
