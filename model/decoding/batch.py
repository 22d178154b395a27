"""Texts that grow token by token, side by side in one batch with one KV cache. Knows no way of choosing a token.

Shapes: B rows, T tokens, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from model.gpt2 import GPT2, KVCache

PAD = 0  # any token would do: padding is never looked at
ENDLESS = 2**31  # more lines than any text has


@dataclass(frozen=True)
class StoppingCriteria:
    """When a text ends: at the end-of-text token, and with the line break that closes its last line."""

    eos_id: int
    newlines: Tensor  # (V,), line breaks that each token holds
    max_lines: int | None = None  # lines of a text, its prompt included

    @property
    def tokens(self) -> int:
        """How many tokens may end a text."""
        return 1 if self.max_lines is None else 1 + int((self.newlines > 0).sum())

    def lines_left(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        """Line breaks that end each text, (B,); none or fewer where its prompt holds all lines."""
        if self.max_lines is None:
            return torch.full((len(prompts),), ENDLESS, device=self.newlines.device)
        closed = torch.stack([self.newlines[list(prompt)].sum() for prompt in prompts])
        return self.max_lines - closed


@dataclass(frozen=True)
class Continuation:
    """What follows a prompt, and how probable the model finds it: temperature 1, no token filtered out."""

    ids: list[int]  # end of text excluded
    log_prob: float  # nats, summed over `tokens`
    tokens: int  # len(ids), and one more where end of text was reached

    @classmethod
    def unpadded(cls, ids: Sequence[int], log_prob: float, tokens: int, eos_id: int) -> Self:
        """From a row of which the first `tokens` are filled."""
        ended = tokens > 0 and ids[tokens - 1] == eos_id
        return cls(list(ids[: tokens - ended]), log_prob, tokens)

    def score(self, rank_by: str) -> float:
        """The log-probability: "cumulative", or the "mean" over its tokens."""
        return self.log_prob / max(self.tokens, 1) if rank_by == "mean" else self.log_prob


class GenerationBatch:
    """The batch. `room` is the number of tokens that every row may still take."""

    def __init__(
        self, model: GPT2, prompts: Sequence[Sequence[int]], ending: StoppingCriteria, max_new_tokens: int
    ) -> None:
        """Prompts of different lengths end at one column, padded on the left; none is run through the model yet.

        Raises ValueError for no prompt, an empty prompt, or one that fills all positions.
        """
        lengths = [len(prompt) for prompt in prompts]
        if not lengths or not min(lengths):
            raise ValueError("give at least one prompt, each of at least one token")
        self.start, limit = max(lengths), model.config.n_positions
        if self.start >= limit:
            raise ValueError(f"a prompt of {self.start} tokens leaves no room in the model's {limit} positions")
        self.room = min(max_new_tokens, limit - self.start)
        like = model.transformer.wte.weight
        self.model, self.ending = model, ending
        self.prompts, self.mask = _left_padded(prompts, self.start, self.room, like.device)
        self.cache = KVCache(model.config, len(prompts), self.start + self.room, like)
        self.lines_left = ending.lines_left(prompts)  # (B,)

    def read_prompts(self) -> Tensor:
        """Logits of the first new token, (B, V)."""
        return self._logits(self.prompts)

    def append(self, tokens: Tensor) -> Tensor:
        """Let each row go on with one token, (B,); logits of the one after it, (B, V)."""
        self.lines_left = self.lines_left - self.ending.newlines[tokens]
        return self._logits(tokens[:, None])

    def _logits(self, tokens: Tensor) -> Tensor:
        hidden = self.model.hidden(tokens, attention_mask=self.mask, cache=self.cache)
        return self.model.head(hidden[:, -1])

    def ended_by(self, tokens: Tensor, rows: Tensor | None = None) -> Tensor:
        """Whether a token ends its row, (any shape) -> (same shape); `rows` says whose each token is."""
        left = self.lines_left if rows is None else self.lines_left[rows]
        return (tokens == self.ending.eos_id) | (self.ending.newlines[tokens] >= left)

    def repeat(self, times: int) -> None:
        """Let every row be followed by `times` - 1 copies of itself."""
        self.cache.repeat(times)
        self.lines_left = self.lines_left.repeat_interleave(times)
        self.mask = None if self.mask is None else self.mask.repeat_interleave(times, dim=0)

    def reorder(self, sources: Tensor) -> None:
        """Let row b go on from row `sources[b]`, (B,), which must have the same prompt."""
        self.cache.reorder(sources, since=self.start)
        self.lines_left = self.lines_left[sources]


def _left_padded(
    prompts: Sequence[Sequence[int]], start: int, room: int, device: torch.device
) -> tuple[Tensor, Tensor | None]:
    """Prompts that end at one column; the mask, with room behind them, is None where nothing is padded."""
    tokens = torch.full((len(prompts), start), PAD)
    mask = torch.ones(len(prompts), start + room, dtype=torch.bool)
    for row, prompt in enumerate(prompts):
        tokens[row, start - len(prompt) :] = torch.tensor(prompt)
        mask[row, : start - len(prompt)] = False
    return tokens.to(device), mask.to(device) if not mask.all() else None
