"""Products of fp32 activations with large weights, computed by the faster of the two libraries in PyTorch.

On a CPU, PyTorch multiplies fp32 matrices with Intel's MKL. On AMD processors, `linear` uses oneDNN, which is also part
of PyTorch, if the weights are large, because it is faster there (docs/benchmarks.md has figures). The results differ in
the last bits. A run records its library from the processor's maker alone (PRODUCTS in sweep/planning/machine.py), so
switch oneDNN off only to compare the two: `torch.backends.mkldnn.enabled = False`.

Shapes: N positions, C input width, O output width.
"""

import functools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from model.precision import AMD, cpu_vendor

LARGE = 2**19  # a weight of this many elements is large; the smallest projection of GPT-2 small has 590 thousand


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x W^T + b, (N, C), (O, C), (O,) -> (N, O)."""
    if uses_onednn(x, weight):
        product: Tensor = _Linear.apply(x, weight, bias)  # type: ignore[no-untyped-call]
        return product
    return F.linear(x, weight, bias)


def product_into(out: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """Write x W^T into `out` and return it, without gradients: (N, O), (N, C), (O, C) -> (N, O)."""
    if uses_onednn(x, weight):
        return out.copy_(_onednn(x, weight, None))
    return torch.mm(x, weight.T, out=out)


def uses_onednn(x: Tensor, weight: Tensor) -> bool:
    """Return whether `linear` multiplies `x` and `weight` with oneDNN."""
    return (
        weight.numel() >= LARGE
        and x.dim() == 2
        and x.dtype == weight.dtype == torch.float32
        and x.device.type == "cpu"
        and bool(torch.backends.mkldnn.enabled)
        and onednn_is_faster()
    )


@functools.cache
def onednn_is_faster() -> bool:
    """Return whether this PyTorch has oneDNN, and the processor is one on which it is faster than MKL."""
    return cpu_vendor() == AMD and hasattr(torch.ops.mkldnn, "_linear_pointwise")


class _Linear(torch.autograd.Function):
    """x W^T + b by oneDNN. The gradient of the weight is left to MKL, which is just as fast."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        needs_x, needs_weight = ctx.needs_input_grad[:2]
        ctx.save_for_backward(x if needs_weight else None, weight if needs_x else None)
        return _onednn(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        return (
            None if weight is None else linear(grad, weight.T),
            None if x is None else grad.T @ x,
            grad.sum(0) if ctx.needs_input_grad[2] else None,
        )


def _onednn(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return product
