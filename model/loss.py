"""Fused linear head and cross-entropy that never materializes all logits.

The logits, (N, V), are by far the largest tensor of a training step. The gradient of the loss with respect to them has
a closed form, softmax - one_hot. The forward pass therefore computes it slice by slice and keeps only its products with
the head and the hidden states (the idea of Hsu et al. 2024, arXiv 2410.10989).

Shapes: N positions, C width, V vocabulary.
"""

from typing import Any

import torch
from torch import Tensor

from model.casting import as_dtype
from model.products import product_into

IGNORE = -100  # the target of a position that is excluded from the loss
SLICE = 256  # positions per slice on a CPU; the logits of a slice fit in the processor's cache
GPU_SLICE = 2048  # on a GPU, where fewer, larger products are faster; 0.4 GiB of logits with GPT-2's vocabulary


def slices(positions: Tensor) -> list[slice]:
    """Return the slices of (N, ...) `positions` that are computed at once on their device."""
    size = SLICE if positions.device.type == "cpu" else GPU_SLICE
    return [slice(start, start + size) for start in range(0, len(positions), size)]


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        targets: Tensor,
        probabilities: Tensor | None,
        dtype: torch.dtype | None,
        counted: Tensor | None,
    ) -> Tensor:
        needs_hidden, needs_weight = ctx.needs_input_grad[:2]
        grad_hidden = torch.empty_like(hidden) if needs_hidden else None
        grad_weight = torch.zeros_like(weight) if needs_weight else None
        total = hidden.new_zeros((), dtype=torch.float32)
        x, head = hidden.to(dtype or hidden.dtype), as_dtype(weight, dtype or weight.dtype, centered=True)
        x = x if counted is None else x * counted[:, None].to(x.dtype)  # zero rows add nothing to the weight's gradient
        parts = slices(x)
        products = x.new_empty(len(x[parts[0]]) if parts else 0, len(head))  # of a slice: logits, then gradients
        floats = products.new_empty(products.shape, dtype=torch.float32)
        for part in parts:
            target = targets[part, None]
            logits = product_into(products[: len(target)], x[part], head)
            exact = logits if x.dtype == torch.float32 else floats[: len(target)].copy_(logits)
            log_probs = torch.log_softmax(exact, 1, out=floats[: len(target)])
            found = log_probs.gather(1, target)
            total -= (found if counted is None else found * counted[part, None]).sum()
            if probabilities is not None:
                torch.exp(log_probs, out=probabilities[part])
            if needs_hidden or needs_weight:
                grad = log_probs.exp_().scatter_add_(1, target, log_probs.new_full((1, 1), -1).expand_as(target))
                grad = grad if x.dtype == grad.dtype else logits.copy_(grad)  # softmax - one_hot
            if grad_hidden is not None:
                grad_hidden[part] = grad @ head
            if grad_weight is not None and dtype is None:
                grad_weight.addmm_(grad.T, x[part])
            elif grad_weight is not None:
                grad_weight += grad.T @ x[part]
        if grad_hidden is not None and counted is not None:
            grad_hidden *= counted[:, None]
        ctx.save_for_backward(grad_hidden, grad_weight)
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None, None]:
        grad_hidden, grad_weight = ctx.saved_tensors
        return (
            None if grad_hidden is None else grad_hidden * upstream,
            None if grad_weight is None else grad_weight * upstream,
            None,
            None,
            None,
            None,
        )


def linear_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    probabilities: Tensor | None = None,
    dtype: torch.dtype | None = None,
    counted: Tensor | None = None,
) -> Tensor:
    """Return the summed cross-entropy, in nats, of softmax(hidden weight^T): (N, C), (V, C), (N,) -> ().

    It is differentiable once with respect to `hidden` and `weight`. Every target must be a token id, so remove ignored
    positions first. If `probabilities` (N, V), fp32, is given, it is filled with the softmax. Matrix products are
    computed in `dtype` (None = that of the arguments), softmax and the loss in fp32. If given, `counted` (N,) is 1
    for positions that count and 0 for positions to ignore.
    """
    if not torch.is_grad_enabled():  # a Function sees requires_grad even under no_grad, and would compute gradients
        hidden, weight = hidden.detach(), weight.detach()
    total: Tensor = _LinearCrossEntropy.apply(hidden, weight, targets, probabilities, dtype, counted)  # type: ignore[no-untyped-call]
    return total
