"""Tasks that predict one class per text, as the next token or with a classifier on the last token.

Shapes: N examples, B examples per batch, T tokens, C width, K classes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from model.config import DecodeConfig
from model.errors import DataError
from model.gpt2 import GPT2
from model.loss import IGNORE
from model.pretrained.tokenizer import Tokenizer
from model.settings import Scalar
from model.tasks import Batch, Evaluation
from model.tasks.batching import Encoded, Ragged, by_length
from model.tasks.data.labelled import LabelledRows
from model.tasks.data.sources import SPLITS
from model.tasks.scores import accuracy, macro_f1

KEPT_TEXTS = 2_000  # examples; records of larger splits omit the texts, to stay small
EVALUATED = 64  # sequences per batch in evaluation


@dataclass(frozen=True)
class Split:
    """The usable examples of a split. `texts` is None if there are more than KEPT_TEXTS."""

    name: str  # its file, for error messages
    ids: Ragged
    labels: list[int]
    texts: list[tuple[str, ...]] | None
    skipped: int  # rows without a label or without a text


class LabelledTask:
    """Labelled texts, tokenized for one base model. Subclasses define how texts are cut, and the classes.

    targets: the row of the output head for each class, (K,): token ids, or 0 to K - 1 with a classifier.
    names: the names of an example's texts in evaluation records.
    """

    classes: int | None = None
    targets: Tensor
    names: tuple[str, ...]

    def __init__(self, data: LabelledRows, tokenizer: Tokenizer, max_tokens: int, truncate: str | None) -> None:
        """Raise DataError if a file of `data` cannot be used. `truncate` is the part that is cut from long texts."""
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        self.truncate = truncate
        self.text = data.text
        self.splits = {split: self._load(data, split) for split in SPLITS}
        self.skipped = {name: split.skipped for name, split in self.splits.items()}
        self.data_sha256 = data.digest()

    def shorten(self, ids: list[int], *texts: str) -> list[int]:
        """Return the token ids of an example with more than `max_tokens`, `ids`, with a part of `texts` cut."""
        raise NotImplementedError

    def size(self, split: str) -> int:
        """Return the number of usable examples in `split`."""
        return len(self.splits[split].labels)

    def batches(self, split: str, order: Sequence[int], batch_size: int) -> Iterator[Batch]:
        """Yield batches of texts of similar length. The only target of a text is its class, at its last token."""
        examples = self.splits[split]
        for indices in by_length(examples.ids.lengths, order, batch_size):
            inputs = examples.ids.padded(indices, self.tokenizer.eos_id)
            wanted = torch.full_like(inputs, IGNORE)
            labels = [examples.labels[index] for index in indices]
            wanted[torch.arange(len(indices)), examples.ids.last(indices)] = self.targets[labels]
            yield Batch(inputs, wanted)

    def evaluate(self, model: GPT2, split: str, decode: DecodeConfig | None, seed: int) -> Evaluation:
        """Predict the most probable class of each text and score it. Probabilities are normalized over the classes.

        Raise DataError if `split` has no labels.
        """
        examples = self.splits[split]
        if not examples.labels:
            raise DataError(f"{examples.name} has no labels to score against; score the dev split")
        probabilities = self._probabilities(model, examples.ids)
        predicted: list[int] = probabilities.argmax(1).tolist()
        labels, texts = examples.labels, examples.texts
        samples: list[dict[str, Scalar]] = [
            {
                "example": example,
                **(dict(zip(self.names, texts[example], strict=True)) if texts is not None else {}),
                "label": label,
                "predicted": guess,
                **self.names_of(label, guess),
                "probability": probabilities[example, guess].item(),
            }
            for example, (label, guess) in enumerate(zip(labels, predicted, strict=True))
        ]
        return Evaluation(self.score(labels, predicted), samples)

    def predict(self, model: GPT2, examples: Sequence[tuple[str, ...]]) -> list[tuple[int, float]]:
        """Return the most probable class of each example, with its probability."""
        probabilities = self._probabilities(model, Ragged(Encoded(examples, self._encode)))
        best = probabilities.max(1)
        return list(zip(best.indices.tolist(), best.values.tolist(), strict=True))

    @torch.no_grad()
    def _probabilities(self, model: GPT2, ids: Ragged) -> Tensor:
        """Return the probability of each class for each example, (N, K), using only the classes' rows of the head."""
        model.eval()
        device = model.head_weight.device
        out = torch.empty(len(ids), len(self.targets))
        ranked = sorted(range(len(ids)), key=ids.lengths.__getitem__)
        for start in range(0, len(ranked), EVALUATED):
            indices = ranked[start : start + EVALUATED]
            hidden = model.hidden(ids.padded(indices, self.tokenizer.eos_id).to(device))  # (B, T, C)
            last = hidden[torch.arange(len(indices)), ids.last(indices)]  # (B, C)
            logits = F.linear(last, model.head_weight[self.targets.to(device)])  # (B, K)
            out[indices] = logits.float().softmax(1).cpu()
        return out

    def score(self, labels: Sequence[int], predicted: Sequence[int]) -> dict[str, float]:
        """Return the metrics of predicted classes."""
        return {"accuracy": accuracy(labels, predicted), "macro_f1": macro_f1(labels, predicted)}

    def names_of(self, label: int, predicted: int) -> dict[str, Scalar]:
        """Return the names of two classes for an evaluation record; none, if classes are only numbered."""
        return {}

    def _load(self, data: LabelledRows, split: str) -> Split:
        rows = list(data.rows(split))
        usable = [row for row in rows if row is not None]
        labels, texts = [row.label for row in usable], [row.texts for row in usable]
        ids = Ragged(Encoded(texts, self._encode))
        name = str(data.files.get(split, f"the {split} split, which is not there,"))
        return Split(name, ids, labels, texts if len(texts) <= KEPT_TEXTS else None, len(rows) - len(usable))

    def _encode(self, texts: tuple[str, ...]) -> list[int]:
        whole = self.tokenizer.encode(self.text(*texts))
        return whole if len(whole) <= self.max_tokens else self.shorten(whole, *texts)
