"""Concatenates documents into a stream of token ids and samples training windows from it.

Shapes: N tokens in the stream, B windows per batch, T tokens per window.
"""

from collections.abc import Iterator, Sequence

import torch
from tokenizers import Tokenizer
from torch import Tensor

from model.pretrained.tokenizer import END_OF_TEXT

NEWLINE = "\u010a"  # the byte-level BPE character for byte 10, the line break
AT_ONCE = 500  # documents per call, to bound memory: the library returns much more than the ids


def encode(tokenizer: Tokenizer, documents: Sequence[str]) -> Tensor:
    """Return the token ids of all documents, each followed by end of text, (N,)."""
    end = [tokenizer.token_to_id(END_OF_TEXT)]
    parts = [
        torch.tensor(encoding.ids + end, dtype=torch.int32)
        for first in range(0, len(documents), AT_ONCE)
        for encoding in tokenizer.encode_batch_fast(documents[first : first + AT_ONCE])
    ]
    return torch.cat(parts)


def line_starts(tokenizer: Tokenizer, stream: Tensor) -> Tensor:
    """Return the positions in `stream` (N,) at which a line begins, because task prompts begin with a line, too."""
    breaks = [tokenizer.token_to_id(token) for token in (NEWLINE, END_OF_TEXT)]
    return torch.isin(stream[:-1], torch.tensor(breaks, dtype=stream.dtype)).nonzero()[:, 0] + 1


def windows(stream: Tensor, starts: Tensor, length: int, batch: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Yield endless batches, (B, T + 1): B = `batch` windows of T = `length` tokens, at random `starts`."""
    starts = starts[starts + length < len(stream)]
    offsets = torch.arange(length + 1)
    while True:
        chosen = starts[torch.randint(len(starts), (batch, 1), generator=generator)]
        yield stream[chosen + offsets].long()
