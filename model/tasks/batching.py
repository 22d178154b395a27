"""Sequences of different lengths: kept in little memory, and batched so that little padding is computed.

Shapes: N sequences, B sequences of a batch, T tokens of its longest.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

WINDOW = 50  # batches whose sequences are sorted by length together


class Ragged:
    """N sequences of token ids behind one another in a single row of 32-bit integers."""

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
        """The ids of one sequence, (T,)."""
        return self.tokens[self.ends[index] : self.ends[index + 1]]

    def padded(self, indices: Sequence[int], pad: int) -> Tensor:
        """Ids of the sequences `indices`, (B, T), with `pad` to the right of the shorter ones."""
        out = torch.full((len(indices), max(self.lengths[index] for index in indices)), pad)
        for row, index in enumerate(indices):
            out[row, : self.lengths[index]] = self[index]
        return out

    def last(self, indices: Sequence[int]) -> Tensor:
        """Position of the last token of the sequences `indices`, (B,)."""
        return torch.tensor([self.lengths[index] - 1 for index in indices])


def by_length(lengths: Sequence[int], order: Sequence[int], batch_size: int) -> Iterator[list[int]]:
    """The indices in `order`, each once, in batches of sequences that are about equally long.

    WINDOW batches' worth of `order` is sorted and cut at a time. The batches of a window then follow one another as
    their shortest sequences do in `order`, so that a random order also gives lengths at random. Only the
    last cut of a window may be smaller. A pure function of its arguments.
    """
    for start in range(0, len(order), WINDOW * batch_size):
        window = order[start : start + WINDOW * batch_size]
        place = {index: number for number, index in enumerate(window)}
        ranked = sorted(window, key=lambda index: (lengths[index], place[index]))
        batches = [ranked[first : first + batch_size] for first in range(0, len(ranked), batch_size)]
        yield from sorted(batches, key=lambda batch: place[batch[0]])
