"""Dropout that draws from a stream it is given.

`torch.nn.Dropout` draws from the process-wide generator, so two trainings in one process would disturb each
other, and a resumed one could not repeat its masks. Here every layer of a model shares one explicit
`torch.Generator`, set with `set_dropout_stream`.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

LANE_VALUES = 2**16  # a mask element is decided by 16 random bits, so p is met to within 1/2**17


class Dropout(nn.Module):
    """Zeroes each element with probability `p` while training and scales the rest by 1/(1-p).

    (any shape) -> (same shape). Raises RuntimeError when it should drop but was given no stream.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.stream: torch.Generator | None = None

    @property
    def active(self) -> bool:
        """Whether the next call drops anything."""
        return self.training and self.p > 0

    def forward(self, x: Tensor) -> Tensor:
        if not self.active:
            return x
        if self.stream is None:
            raise RuntimeError("dropout needs a random stream: call set_dropout_stream(model, generator) first")
        threshold = min(round(self.p * LANE_VALUES), LANE_VALUES - 1)
        keep = (_lanes(x.shape, self.stream) >= threshold - LANE_VALUES // 2).to(x.dtype)
        return x * keep.mul_(LANE_VALUES / (LANE_VALUES - threshold))


def _lanes(shape: torch.Size, stream: torch.Generator) -> Tensor:
    """Uniform 16-bit integers of `shape`, four from each 64-bit draw: a third of the time of `bernoulli_`."""
    count = math.prod(shape)
    words = torch.empty((count + 3) // 4, dtype=torch.int64, device=stream.device)
    words.random_(-(2**63), None, generator=stream)
    return words.view(torch.int16)[:count].view(shape)


def same_masks(function: Callable[..., Tensor], stream: torch.Generator) -> Callable[..., Tensor]:
    """`function`, whose dropout draws from `stream`, made to drop the same elements in every call."""
    start = stream.get_state()

    def call(*arguments: Tensor) -> Tensor:
        stream.set_state(start)
        return function(*arguments)

    return call


def set_dropout_stream(model: nn.Module, stream: torch.Generator) -> None:
    """Let every Dropout inside `model` draw from `stream`, which must live on the model's device."""
    for module in model.modules():
        if isinstance(module, Dropout):
            module.stream = stream
