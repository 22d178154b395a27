"""Variable-length sequences: compact storage, and batches of similar lengths to reduce padding.

Shapes: N sequences, B sequences per batch, T tokens in the longest sequence of a batch.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

WINDOW = 50  # batches; sequences are sorted by length within a window of this size


class Ragged:
    """N sequences of token ids, concatenated in one tensor of 32-bit integers."""

    def __init__(self, sequences: Iterable[Sequence[int]]) -> None:
        tokens, ends = array("i"), array("q", [0])
        for sequence in sequences:
            tokens.extend(sequence)
            ends.append(len(tokens))
        self.tokens = torch.from_numpy(np.array(tokens, np.int32))
        self.ends = torch.from_numpy(np.array(ends, np.int64))
        self.lengths: list[int] = self.ends.diff().tolist()

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> Tensor:
        """Return the token ids of one sequence, (T,)."""
        return self.tokens[self.ends[index] : self.ends[index + 1]]

    def padded(self, indices: Sequence[int], pad: int) -> Tensor:
        """Return the token ids of the sequences `indices`, (B, T), padded with `pad` on the right."""
        out = torch.full((len(indices), max(self.lengths[index] for index in indices)), pad)
        for row, index in enumerate(indices):
            out[row, : self.lengths[index]] = self[index]
        return out

    def last(self, indices: Sequence[int]) -> Tensor:
        """Return the position of the last token of each sequence in `indices`, (B,)."""
        return torch.tensor([self.lengths[index] - 1 for index in indices])


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
