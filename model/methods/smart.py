"""SMART: regularize a model so that adversarial noise on its input embeddings barely changes its predictions.

    loss = CE + lam * R_s,   R_s = mean over the batch of  max over |x~ - x| <= eps  of  l_s(f(x~), f(x))

l_s is the symmetrized KL divergence. Gradient ascent on the noise x~ - x approximates the maximum.
Sources: Jiang et al. 2020 (arXiv 1911.03437, section 3 and Algorithm 1), archinetai/smart-pytorch, and Penfold et al.
2025, "ExpLoRA". Their symbols: lambda_s = lam, epsilon = eps, sigma^2 = noise_var, eta = step_size.

Variants, named as in ExpLoRA; g is the ascent gradient, s = noise + eta g, |.| the infinity norm over a position:

    library  noise <- s / (|s| + eps), as in smart-pytorch: the norm ends near 1 for every eps
    custom   noise <- eps * s / (|s| + 1e-8), ExpLoRA's correction: the norm stays within eps
    paper    noise <- clip(noise + eta g / |g|, -eps, eps), with |.| over a sequence: Algorithm 1

Where this differs from print:

- `custom` is our reading of one sentence of ExpLoRA ("divide by step_norm + 1e-8"): the noise is scaled to the radius
  eps. Taken literally, its norm would be 1.
- `paper` also clips the first noise, which Algorithm 1 does not, and ascends the one-sided KL(f(x) || f(x~)), where
  Algorithm 1 ascends l_s. The one-sided one changes R_s by 0.2 % at eps 0.1 and by 2 % at eps 1.
- Gradients are smart-pytorch's: each term of l_s treats the other distribution as constant. Close to f(x~) = f(x) they
  are half as long as those of the printed formula, so lam = 1 and bregman_mu = 1 act like 0.5 there.
- At ExpLoRA's eps = 1e-5, R_s is about 1e-9 nats, and `custom` trains as if there were no SMART.

The model f is given by hidden states and the output head: f(x) = softmax(hidden weight^T). The prediction for the clean
input is computed once per step and kept: N x V numbers, 0.26 GB for 8 sonnets and GPT-2's vocabulary.

Shapes: B sequences, T tokens, C width, N positions that have a target, V tokens or classes.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from model.loss import slices
from model.methods.settings import SMARTConfig

Predict = Callable[[Tensor], Tensor]  # embeddings (B, T, C) -> hidden states (N, C)

FLOOR = 1e-8  # keeps the divisors of `custom` and `paper` above 0


def initial_noise(like: Tensor, smart: SMARTConfig, stream: torch.Generator) -> Tensor:
    """Return Gaussian noise of `like`'s shape. `library` and `custom` scale it by the variance, as smart-pytorch does;
    `paper` scales it by the standard deviation, as Algorithm 1 does, and clips it to eps, which that does not."""
    noise = torch.empty_like(like).normal_(generator=stream)
    if smart.variant == "paper":
        return noise.mul_(smart.noise_var**0.5).clamp_(-smart.eps, smart.eps)
    return noise.mul_(smart.noise_var)


def ascend(noise: Tensor, grad: Tensor, smart: SMARTConfig) -> Tensor:
    """Return the noise after one gradient ascent step, (B, T, C), (B, T, C) -> (B, T, C)."""
    if smart.variant == "paper":
        largest = grad.abs().amax(dim=(1, 2), keepdim=True)
        return (noise + smart.step_size * grad / (largest + FLOOR * (largest == 0))).clamp(-smart.eps, smart.eps)
    moved = noise + smart.step_size * grad
    largest = moved.abs().amax(dim=-1, keepdim=True)
    if smart.variant == "library":
        return moved / (largest + smart.eps)
    return smart.eps * moved / (largest + FLOOR)


def adversarial_noise(
    predict: Predict,
    embeddings: Tensor,  # x, (B, T, C)
    probabilities: Tensor,  # f(x), (N, V)
    weight: Tensor,  # the output head, (V, C)
    smart: SMARTConfig,
    noise: Tensor,  # (B, T, C)
) -> Tensor:
    """Return `noise` after `smart.steps` ascent steps, (B, T, C). Model parameters get no gradient.

    The objective is KL(f(x) || f(x + noise)), summed and divided by B (smart-pytorch's `batchmean`). Its gradient with
    respect to the logits is f(x + noise) - f(x), so its value is never computed.
    """
    x, head = embeddings.detach(), weight.detach()
    for _ in range(smart.steps):
        noise.requires_grad_()
        perturbed = predict(x + noise)
        with torch.no_grad():
            upstream = torch.empty_like(perturbed)
            for part in slices(perturbed):
                difference = _softmax(perturbed[part], head).sub_(probabilities[part])
                upstream[part] = difference.to(head.dtype) @ head
        (grad,) = torch.autograd.grad(perturbed, noise, upstream / len(x))
        noise = ascend(noise.detach(), grad, smart)
    return noise


def smart_loss(
    predict: Predict,
    embeddings: Tensor,  # x, (B, T, C)
    hidden: Tensor,  # predict(x), (N, C)
    weight: Tensor,  # the output head, (V, C)
    smart: SMARTConfig,
    stream: torch.Generator,
    probabilities: Tensor | None = None,  # f(x) = softmax(hidden weight^T), (N, V), if already computed
) -> Tensor:
    """Return R_s without the factor lam, (), differentiable once with respect to the inputs and model parameters.

    With dropout, all calls of `predict` must use equal masks. Otherwise R_s would measure the dropout.
    """
    clean = distribution(hidden, weight) if probabilities is None else probabilities
    start = initial_noise(embeddings.detach(), smart, stream)
    noise = adversarial_noise(predict, embeddings, clean, weight, smart, start)
    divergence = symmetrized_kl(hidden, weight, predict(embeddings + noise), weight, clean)
    return reduce(divergence, smart, len(embeddings), len(hidden))


def reduce(total: Tensor, smart: SMARTConfig, sequences: int, positions: int) -> Tensor:
    """Divide a sum over positions as `smart.reduction` asks. With `mean`, the scale does not depend on the lengths."""
    return total / {"sum": 1, "batchmean": sequences, "mean": positions}[str(smart.reduction)]


@torch.no_grad()
def distribution(hidden: Tensor, weight: Tensor) -> Tensor:
    """Return softmax(hidden weight^T), (N, C), (V, C) -> (N, V), at least in single precision."""
    return torch.cat([_softmax(hidden[part], weight) for part in slices(hidden)])


class _SymmetrizedKL(torch.autograd.Function):
    """Computes slice by slice, as in `model/loss.py`. D = q - p is the gradient with respect to the logits of b."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, head_a: Tensor, b: Tensor, head_b: Tensor, p: Tensor, shared: bool) -> Tensor:
        total = a.new_zeros((), dtype=p.dtype)
        needed = ctx.needs_input_grad[:4]
        grad_a, grad_head_a, grad_b, grad_head_b = (
            torch.zeros_like(x) if needs else None
            for x, needs in zip((a, head_a, b, head_b), (*needed[:3], needed[3] and not shared), strict=True)
        )
        heads_apart = None if shared else head_b - head_a
        for part in slices(a):
            D = _softmax(b[part], head_b).sub_(p[part]).to(b.dtype)
            toward_b = D @ head_b
            # The logits differ by (b - a) head_b^T + a (head_b - head_a)^T. Normalizers cancel: the rows of D sum to 0.
            total += (toward_b.to(p.dtype) * (b[part] - a[part])).sum()
            if heads_apart is not None:
                total += ((D @ heads_apart).to(p.dtype) * a[part]).sum()
            if grad_a is not None:
                grad_a[part] = toward_b.neg() if shared else -(D @ head_a)
            if grad_b is not None:
                grad_b[part] = toward_b
            if grad_head_a is not None:
                grad_head_a.addmm_(D.T, b[part] - a[part] if shared else -a[part])
            if grad_head_b is not None:
                grad_head_b.addmm_(D.T, b[part])
        ctx.save_for_backward(grad_a, grad_head_a, grad_b, grad_head_b)
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        return *(None if grad is None else grad * upstream for grad in ctx.saved_tensors), None, None


def symmetrized_kl(a: Tensor, head_a: Tensor, b: Tensor, head_b: Tensor, p: Tensor | None = None) -> Tensor:
    """Return KL(p || q) + KL(q || p), summed over positions, in nats, (N, C), (V, C), (N, C), (V, C) -> ().

    p = softmax(a head_a^T), q = softmax(b head_b^T). Pass `p` (N, V) if already computed. Differentiable once. As in
    smart-pytorch, each term treats the other distribution as constant: the gradient with respect to the logits of p is
    p - q, and that with respect to the logits of q is q - p. For close p and q, the full gradients are twice as long.
    """
    known = distribution(a, head_a) if p is None else p
    total: Tensor = _SymmetrizedKL.apply(a, head_a, b, head_b, known, head_a is head_b)  # type: ignore[no-untyped-call]
    return total


def _softmax(hidden: Tensor, head: Tensor) -> Tensor:
    logits = hidden @ head.T
    return logits.to(torch.promote_types(logits.dtype, torch.float32)).softmax(1)
