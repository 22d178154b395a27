"""AdamW: Adam with decoupled weight decay.

Sources: Kingma & Ba 2015 (arXiv 1412.6980, Algorithm 1) and Loshchilov & Hutter 2019 (arXiv 1711.05101,
Algorithm 2). Symbols: theta = param, g = grad, m = exp_avg, v = exp_avg_sq, eta*alpha = lr, lambda = weight_decay.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from model.optim.elementwise import Elementwise
from model.optim.settings import AdamWSettings


def adamw_update(
    param: Tensor,  # theta, changed in place
    grad: Tensor,  # g, same shape
    exp_avg: Tensor,  # m, changed in place
    exp_avg_sq: Tensor,  # v, changed in place
    step: int,  # t, counted from 1
    *,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
) -> None:
    """Apply theta <- theta - lr*lambda*theta;  m, v <- means of g, g^2;  theta <- theta - lr * m^ / (sqrt(v^) + eps).

    The bias-corrected means are m^ = m / (1 - beta1^t) and v^ = v / (1 - beta2^t).
    """
    beta1, beta2 = betas
    if weight_decay:
        param.mul_(1 - lr * weight_decay)
    exp_avg.lerp_(grad, 1 - beta1)
    exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
    denominator = exp_avg_sq.sqrt().div_((1 - beta2**step) ** 0.5).add_(eps)
    param.addcdiv_(exp_avg, denominator, value=-lr / (1 - beta1**step))


class AdamW(Elementwise):
    """Applies `adamw_update` to every parameter that has a gradient.

    `lr` is the step size, `weight_decay` the fraction of a weight removed per step and unit of lr.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (AdamWSettings.beta1, AdamWSettings.beta2),
        eps: float = AdamWSettings.eps,
        weight_decay: float = 0.0,
    ) -> None:
        """Raise ValueError if the learning rate is not above 0 or a beta lies outside [0, 1)."""
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas must lie in [0, 1), got {betas}")
        super().__init__(params, _update, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)


def _update(param: Tensor, grad: Tensor, state: dict[str, Any], options: dict[str, Any]) -> None:
    if not state:
        state.update(step=0, exp_avg=torch.zeros_like(param), exp_avg_sq=torch.zeros_like(param))
    state["step"] += 1
    constants = {name: options[name] for name in ("lr", "betas", "eps", "weight_decay")}
    adamw_update(param, grad, state["exp_avg"], state["exp_avg_sq"], state["step"], **constants)
