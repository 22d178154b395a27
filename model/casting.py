"""Weights in the precision of a matrix product. Frozen weights are cast once, trained ones once per optimizer step.

`torch.autocast` would cast frozen weights at every step, and cannot see into the autograd Function of `model/loss.py`.
"""

from typing import cast

import torch
from torch import Tensor

DTYPES = {"bf16": torch.bfloat16}  # precision -> type of matrix products, if it is not that of the weights


def as_dtype(weight: Tensor, dtype: torch.dtype, *, centered: bool = False) -> Tensor:
    """Return `weight` in `dtype`, differentiable if it is trained.

    Without gradients, the result is kept until `weight` changes: pass `centered` always or never for one weight. If
    `centered`, the mean row is subtracted from an output head, (V, C), without a gradient. This adds a constant to all
    logits of a position, which no softmax sees, but makes them small: GPT-2's lie near -100, where bf16 is 0.5 coarse.
    """
    if weight.dtype == dtype:
        return weight
    if weight.requires_grad and torch.is_grad_enabled():
        return weight.to(dtype)
    state = (weight.data_ptr(), weight._version, dtype)
    if getattr(weight, "cast_from", None) != state:
        exact = weight.detach()
        weight.cast_to = (exact - exact.mean(0) if centered else exact).to(dtype)  # type: ignore[attr-defined]
        weight.cast_from = state  # type: ignore[attr-defined]
    return cast(Tensor, weight.cast_to)  # type: ignore[attr-defined]


def forget_cast(weight: Tensor) -> None:
    """Drop the cast of `weight` that was kept."""
    weight.cast_from = weight.cast_to = None  # type: ignore[attr-defined]


def keep_cast(source: Tensor, same: Tensor) -> None:
    """Let `same`, which shares the storage of `source`, reuse its cast."""
    for name in ("cast_from", "cast_to"):
        if hasattr(source, name):
            setattr(same, name, getattr(source, name))
