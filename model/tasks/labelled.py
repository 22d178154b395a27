"""Labelled texts, tokenized: what the tasks that predict one class per text have in common.

The class is predicted at the last token of a sequence: as the next token, or through a classifier. Shapes: N examples,
B of a batch, T tokens, C width, K classes.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from model.config import Scalar
from model.gpt2 import GPT2
from model.loss import IGNORE
from model.tasks import Batch, DataError, Evaluation
from model.tasks.batching import Ragged, by_length
from model.tasks.scores import accuracy, macro_f1
from model.tasks.sources import SPLITS, files_sha256
from model.tasks.tables import Columns, Example, read_examples

KEPT_TEXTS = 2_000  # examples of a split, at most, whose texts stand in its records: these must stay small
EVALUATED = 64  # sequences per batch of an evaluation

Encode = Callable[..., Sequence[int]]  # the token ids of an example's texts
log = logging.getLogger(__name__)


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


@dataclass(frozen=True)
class DataSet:
    """The files of a set by split, and how to read them."""

    files: Mapping[str, Path]
    columns: Columns
    classes: int | None = None  # where known beforehand

    def sha256(self) -> str:
        """Hash of all files; warns of rows that are left out. Raises DataError where a file cannot be used."""
        for split, file in self.files.items():
            rows = list(map(bool, self.rows(split)))
            if 0 < sum(rows) < len(rows):  # a split without any label is meant to have none
                log.warning("%s: %d rows without a label or a text are left out", file, len(rows) - sum(rows))
        return files_sha256(self.files)

    def size(self, split: str) -> int:
        """Usable examples of a split. Raises DataError."""
        return sum(row is not None for row in self.rows(split))

    def labels(self, split: str) -> list[int]:
        """Of the usable examples of a split. Raises DataError."""
        return [row.label for row in self.rows(split) if row is not None]

    def rows(self, split: str) -> Iterator[Example | None]:
        """Every row, None for an unusable one. Raises DataError, also where none is usable but in the test split."""
        usable = 0
        if split in self.files:
            for row in read_examples(self.files[split], self.columns, self.classes):
                usable += row is not None
                yield row
        if not usable and split != "test":
            raise DataError(
                f"{self.files[split]} has no row with a label and a text; the {split} split needs labelled examples"
            )

    def load(self, encode: Encode) -> dict[str, Split]:
        """All splits, tokenized by `encode`. Raises DataError."""
        return {split: self._load(split, encode) for split in SPLITS}

    def _load(self, split: str, encode: Encode) -> Split:
        labels: list[int] = []
        texts: list[tuple[str, ...]] = []
        skipped = 0

        def sequences() -> Iterator[Sequence[int]]:
            nonlocal skipped
            for row in self.rows(split):
                if row is None:
                    skipped += 1
                    continue
                labels.append(row.label)
                if len(labels) <= KEPT_TEXTS:
                    texts.append(row.texts)
                yield encode(*row.texts)

        ids = Ragged(sequences())
        name = str(self.files.get(split, f"the {split} split, which is not there,"))
        return Split(name, ids, labels, texts if len(texts) == len(labels) else None, skipped)
