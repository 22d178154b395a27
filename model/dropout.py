"""Dropout with an explicit random generator.

`torch.nn.Dropout` samples from the process-wide generator. Two trainings in one process would then change each other's
masks, and a resumed training could not reproduce its own. Here all layers of a model share one `torch.Generator`, set
with `set_dropout_stream`.
"""

import contextlib
import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

LANE_VALUES = 2**16  # each mask element uses 16 random bits, so p is accurate to within 1/2**17


class Dropout(nn.Module):
    """In training mode, zeroes each element with probability `p` and scales the others by 1/(1-p).

    (any shape) -> (same shape), in fp32 or wider if active: in bf16, 1/(1-p) would be off by up to 0.4 %. Raises
    RuntimeError if it is active but has no generator.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.stream: torch.Generator | None = None

    @property
    def active(self) -> bool:
        """Whether a call drops elements: in training mode, with p above 0."""
        return self.training and self.p > 0

    def forward(self, x: Tensor) -> Tensor:
        if not self.active:
            return x
        if self.stream is None:
            raise RuntimeError("dropout has no random generator: call set_dropout_stream(model, generator) first")
        threshold = min(round(self.p * LANE_VALUES), LANE_VALUES - 1)
        keep = (_lanes(x.shape, self.stream) >= threshold - LANE_VALUES // 2).to(x.dtype)
        scale = LANE_VALUES / (LANE_VALUES - threshold)
        # Backward needs `keep`: in bf16, an unscaled mask takes half the memory of a scaled one in fp32.
        return x * keep.mul_(scale) if x.dtype.itemsize > 2 else (x * keep).float().mul_(scale)


def _lanes(shape: torch.Size, stream: torch.Generator) -> Tensor:
    """Return uniform random int16 values of `shape`. Four come from each int64: three times as fast as `bernoulli_`."""
    count = math.prod(shape)
    words = torch.empty((count + 3) // 4, dtype=torch.int64, device=stream.device)
    words.random_(-(2**63), None, generator=stream)
    return words.view(torch.int16)[:count].view(shape)


def has_process_wide(device: torch.device) -> bool:
    """Return whether the process has a generator of its own for `device`, which fused kernels sample from."""
    return device.type == "cuda" and (device.index or 0) < len(torch.cuda.default_generators)


@contextlib.contextmanager
def process_wide(stream: torch.Generator) -> Iterator[None]:
    """Let a GPU's process-wide generator continue the generator `stream` inside the block, and then be as before."""
    default = torch.cuda.default_generators[stream.device.index or 0]
    before = default.graphsafe_get_state()
    default.graphsafe_set_state(stream)  # shares the state instead of copying it, which CUDA graphs allow
    try:
        yield
    finally:
        default.graphsafe_set_state(before)


def same_masks(function: Callable[..., Tensor], stream: torch.Generator) -> Callable[..., Tensor]:
    """Return a wrapper of `function` that rewinds the dropout generator `stream`, so that all calls use equal masks."""
    start = stream.get_state()

    def call(*arguments: Tensor) -> Tensor:
        stream.set_state(start)
        return function(*arguments)

    return call


def set_dropout_stream(model: nn.Module, stream: torch.Generator) -> None:
    """Set `stream` as the generator of every Dropout in `model`. It must be on the model's device."""
    for module in model.modules():
        if isinstance(module, Dropout):
            module.stream = stream
