"""Documents as one long row of token ids, and training windows cut out of it.

Shapes: N tokens in the row, B windows a batch, T tokens a window.
"""

from collections.abc import Iterator, Sequence

import torch
from tokenizers import Tokenizer
from torch import Tensor

from model.pretrained.tokenizer import END_OF_TEXT

NEWLINE = "\u010a"  # how byte-level BPE writes the byte 10
AT_ONCE = 500  # documents encoded in one call: the library keeps far more than the ids of each


def encode(tokenizer: Tokenizer, documents: Sequence[str]) -> Tensor:
    """Token ids (N,) of all documents, an end of text behind each."""
    end = [tokenizer.token_to_id(END_OF_TEXT)]
    parts = [
        torch.tensor(encoding.ids + end, dtype=torch.int32)
        for first in range(0, len(documents), AT_ONCE)
        for encoding in tokenizer.encode_batch_fast(documents[first : first + AT_ONCE])
    ]
    return torch.cat(parts)


def line_starts(tokenizer: Tokenizer, stream: Tensor) -> Tensor:
    """Positions in `stream` (N,) at which a line begins: what the model will be given begins with a line, too."""
    breaks = [tokenizer.token_to_id(token) for token in (NEWLINE, END_OF_TEXT)]
    return torch.isin(stream[:-1], torch.tensor(breaks, dtype=stream.dtype)).nonzero()[:, 0] + 1


def windows(stream: Tensor, starts: Tensor, length: int, batch: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Endless batches (B, T + 1) of `stream` (N,): B = `batch` windows of T = `length`, begun at random `starts`."""
    starts = starts[starts + length < len(stream)]
    offsets = torch.arange(length + 1)
    while True:
        chosen = starts[torch.randint(len(starts), (batch, 1), generator=generator)]
        yield stream[chosen + offsets].long()
