"""Batched decoding state: prompts, attention mask, KV cache and stopping criteria. It does not choose tokens.

Shapes: B rows, T tokens, V vocabulary.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from model.gpt2 import GPT2, KVCache

PAD = 0  # any token id: padding is never attended to
ENDLESS = 2**31  # more lines than any text has


@dataclass(frozen=True)
class StoppingCriteria:
    """Conditions that end a text: the end-of-text token, or the line break that closes its last line."""

    eos_id: int
    newlines: Tensor  # (V,), number of line breaks in each token
    max_lines: int | None = None  # limit on the lines of a text, prompt included; None = no limit

    @property
    def tokens(self) -> int:
        """The number of token ids that may end a text."""
        return 1 if self.max_lines is None else 1 + int((self.newlines > 0).sum())

    def lines_left(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        """Return how many more line breaks end each text, (B,); 0 or less if its prompt already has all lines."""
        if self.max_lines is None:
            return torch.full((len(prompts),), ENDLESS, device=self.newlines.device)
        closed = torch.stack([self.newlines[list(prompt)].sum() for prompt in prompts])
        return self.max_lines - closed


@dataclass(frozen=True)
class Continuation:
    """A generated text with its log-probability under the model itself: temperature 1, no top-k or top-p."""

    ids: list[int]  # without the end-of-text token
    log_prob: float  # nats, summed over `tokens`
    tokens: int  # len(ids), plus 1 if the text ended with the end-of-text token

    @classmethod
    def unpadded(cls, ids: Sequence[int], log_prob: float, tokens: int, eos_id: int) -> Self:
        """Build one from a padded row whose first `tokens` ids are filled."""
        ended = tokens > 0 and ids[tokens - 1] == eos_id
        return cls(list(ids[: tokens - ended]), log_prob, tokens)

    def score(self, rank_by: str) -> float:
        """Return the "cumulative" log-probability, or its "mean" per token."""
        return self.log_prob / max(self.tokens, 1) if rank_by == "mean" else self.log_prob


class GenerationBatch:
    """The decoding state of a batch of prompts. `room` is the largest number of new tokens of any row."""

    def __init__(
        self, model: GPT2, prompts: Sequence[Sequence[int]], ending: StoppingCriteria, max_new_tokens: int
    ) -> None:
        """Pad the prompts on the left to equal length, without running the model yet.

        Raise ValueError if there is no prompt, or if a prompt is empty or fills all positions.
        """
        lengths = [len(prompt) for prompt in prompts]
        if not lengths or not min(lengths):
            raise ValueError("give at least one prompt, each of at least one token")
        self.start, limit = max(lengths), model.config.n_positions
        if self.start >= limit:
            raise ValueError(f"a prompt of {self.start} tokens leaves no room in the model's {limit} positions")
        rooms = [min(max_new_tokens, limit - length) for length in lengths]  # independent of the other rows
        self.room = max(rooms)
        like = model.transformer.wte.weight
        self.model, self.ending = model, ending
        self.prompts, self.mask = _left_padded(prompts, rooms, like.device)
        self.cache = KVCache(model.config, len(prompts), self.start + self.room, like, model.dtype)
        self.lines_left = ending.lines_left(prompts)  # (B,)
        self.tokens_left = torch.tensor(rooms, device=like.device)  # (B,)

    def read_prompts(self) -> Tensor:
        """Process the prompts; return the logits of the first new token, (B, V)."""
        return self._logits(self.prompts)

    def append(self, tokens: Tensor) -> Tensor:
        """Append one token to each row, (B,); return the logits of the next token, (B, V)."""
        self.lines_left = self.lines_left - self.ending.newlines[tokens]
        self.tokens_left = self.tokens_left - 1
        return self._logits(tokens[:, None])

    def _logits(self, tokens: Tensor) -> Tensor:
        hidden = self.model.hidden(tokens, attention_mask=self.mask, cache=self.cache)
        return self.model.head(hidden[:, -1])

    def ended_by(self, tokens: Tensor, rows: Tensor | None = None) -> Tensor:
        """Return whether each token ends its row, (any shape) -> (same shape). `rows` holds the row of each token."""
        lines, room = (left if rows is None else left[rows] for left in (self.lines_left, self.tokens_left))
        return (tokens == self.ending.eos_id) | (self.ending.newlines[tokens] >= lines) | (room <= 1)

    def copy(self) -> "GenerationBatch":
        """Return an independent copy, which has read what this one has."""
        twin = copy.copy(self)
        twin.cache = copy.deepcopy(self.cache)  # the only attribute that is changed in place
        return twin

    def repeat(self, times: int) -> None:
        """Repeat every row `times` times; copies of a row are adjacent."""
        self.cache.repeat(times)
        self.lines_left = self.lines_left.repeat_interleave(times)
        self.tokens_left = self.tokens_left.repeat_interleave(times)
        self.mask = None if self.mask is None else self.mask.repeat_interleave(times, dim=0)

    def reorder(self, sources: Tensor, history: Tensor) -> None:
        """Replace row b by row `sources[b]`, (B,), of the same prompt. `history` (B, T) holds the rows' new tokens."""
        since = self.start
        if history.device.type == "cpu":  # a GPU would have to wait for the number of tokens that all pairs share
            unlike = (history != history[sources]).any(0).nonzero()
            since += int(unlike[0]) if len(unlike) else history.size(1)
        self.cache.reorder(sources, since)
        self.lines_left = self.lines_left[sources]


def _left_padded(
    prompts: Sequence[Sequence[int]], rooms: Sequence[int], device: torch.device
) -> tuple[Tensor, Tensor | None]:
    """Return the padded prompts, and the mask of these and of each row's new tokens; None if it hides nothing."""
    start = max(map(len, prompts))
    tokens = torch.full((len(prompts), start), PAD)
    mask = torch.zeros(len(prompts), start + max(rooms), dtype=torch.bool)
    for row, (prompt, room) in enumerate(zip(prompts, rooms, strict=True)):
        tokens[row, start - len(prompt) :] = torch.tensor(prompt)
        mask[row, start - len(prompt) : start + room] = True
    return tokens.to(device), mask.to(device) if not mask.all() else None
