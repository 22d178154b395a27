"""Variable-length sequences: compact storage, batches of similar lengths to reduce padding, and batches of few shapes.

Shapes: N sequences, B sequences per batch, T tokens in the longest sequence of a batch.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from model.loss import IGNORE
from model.tasks import Batch

WINDOW = 50  # batches; sequences are sorted by length within a window of this size


class Ragged:
    """N sequences of token ids. Each is taken from `sequences` when it is first used, and kept as 32-bit integers."""

    def __init__(self, sequences: Sequence[Sequence[int]]) -> None:
        self.sequences = sequences
        self.lengths = Lengths(self)
        self._kept: list[array[int] | None] = [None] * len(sequences)

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, index: int) -> Tensor:
        """Return the token ids of one sequence, (T,)."""
        return torch.frombuffer(self.ids(index), dtype=torch.int32) if self.ids(index) else torch.empty(0).int()

    def ids(self, index: int) -> "array[int]":
        """Return the token ids of one sequence."""
        found = self._kept[index]
        if found is None:
            found = self._kept[index] = array("i", self.sequences[index])
        return found

    def padded(self, indices: Sequence[int], pad: int) -> Tensor:
        """Return the token ids of the sequences `indices`, (B, T), padded with `pad` on the right."""
        out = torch.full((len(indices), max(self.lengths[index] for index in indices)), pad)
        for row, index in enumerate(indices):
            out[row, : self.lengths[index]] = self[index]
        return out

    def last(self, indices: Sequence[int]) -> Tensor:
        """Return the position of the last token of each sequence in `indices`, (B,)."""
        return torch.tensor([self.lengths[index] - 1 for index in indices])


class Lengths(Sequence[int]):
    """The number of tokens of each sequence."""

    def __init__(self, rows: Ragged) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        return len(self._rows.ids(index))


class Encoded(Sequence[list[int]]):
    """The token ids of each of `texts`, computed when they are asked for."""

    def __init__(self, texts: Sequence[tuple[str, ...]], encode: Callable[[tuple[str, ...]], list[int]]) -> None:
        self._texts, self._encode = texts, encode

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, index: Any) -> Any:
        return self._encode(self._texts[index])


def padded(batch: Batch, max_length: int) -> Batch:
    """Return `batch` with T and the number of targets rounded up, by at most an eighth, so that there are few shapes.

    T is never padded beyond `max_length`. Added tokens come after all real ones, and added targets do not count, so the
    loss and its gradients stay the same up to rounding, if dropout is off; other shapes have other dropout masks.
    """
    length = batch.input_ids.size(1)
    extra = min(_rounded(length), max(max_length, length)) - length
    inputs, targets = F.pad(batch.input_ids, (0, extra)), F.pad(batch.targets, (0, extra), value=IGNORE)
    real = Batch(inputs, targets).positions
    added = real[-1:].expand(_rounded(len(real)) - len(real))
    counted = torch.cat([torch.ones(len(real)), torch.zeros(len(added))])
    return Batch(inputs, targets, torch.cat([real, added]), counted, len(real))


def _rounded(size: int) -> int:
    """Return the smallest integer from `size` on that has at most four significant bits."""
    step = 1 << max(0, size.bit_length() - 4)
    return -(-size // step) * step


def by_length(lengths: Sequence[int], order: Sequence[int], batch_size: int) -> Iterator[list[int]]:
    """Yield each index in `order` once, in batches of sequences of similar length.

    `order` is split into windows of WINDOW batches. Each window is sorted by length and split into batches, of which
    only the last may be smaller. The batches of a window are then sorted by the place of their shortest sequence in
    `order`, so that lengths occur in random order if `order` is random. The result depends only on the arguments.
    """
    for start in range(0, len(order), WINDOW * batch_size):
        window = order[start : start + WINDOW * batch_size]
        place = {index: number for number, index in enumerate(window)}
        ranked = sorted(window, key=lambda index: (lengths[index], place[index]))
        batches = [ranked[first : first + batch_size] for first in range(0, len(ranked), batch_size)]
        yield from sorted(batches, key=lambda batch: place[batch[0]])
