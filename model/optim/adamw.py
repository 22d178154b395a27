"""AdamW: Adam with decoupled weight decay.

Sources: Kingma & Ba 2015 (arXiv 1412.6980, Algorithm 1) and Loshchilov & Hutter 2019 (arXiv 1711.05101,
Algorithm 2). Symbols: theta = param, g = grad, m = exp_avg, v = exp_avg_sq, eta*alpha = lr, lambda = weight_decay.

Each operation is applied to many parameters in one call, which on a GPU starts one kernel instead of one for each.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor

from model.optim.base import Optimizer
from model.optim.settings import AdamWSettings

AT_ONCE = 2**24  # numbers updated in one call, so that its temporary tensors stay below 64 MiB


def adamw_update(
    params: list[Tensor],  # theta, changed in place
    grads: list[Tensor],  # g, same shapes
    exp_avgs: list[Tensor],  # m, changed in place
    exp_avg_sqs: list[Tensor],  # v, changed in place
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
        torch._foreach_mul_(params, 1 - lr * weight_decay)
    torch._foreach_lerp_(exp_avgs, grads, 1 - beta1)
    torch._foreach_mul_(exp_avg_sqs, beta2)
    torch._foreach_addcmul_(exp_avg_sqs, grads, grads, 1 - beta2)
    denominators = list(torch._foreach_sqrt(exp_avg_sqs))
    torch._foreach_div_(denominators, (1 - beta2**step) ** 0.5)
    torch._foreach_add_(denominators, eps)
    torch._foreach_addcdiv_(params, exp_avgs, denominators, -lr / (1 - beta1**step))


class AdamW(Optimizer):
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
        if lr <= 0:
            raise ValueError(f"lr must be above 0, got {lr}")
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas must lie in [0, 1), got {betas}")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        if closure is not None:
            raise ValueError("AdamW takes no closure: call backward first, then step()")
        for group in self.param_groups:
            constants = {name: group[name] for name in ("lr", "betas", "eps", "weight_decay")}
            for step, params in self._by_step(group["params"]):
                for part in _parts(params):
                    grads = [param.grad for param in part if param.grad is not None]
                    m, v = ([self.state[param][name] for param in part] for name in ("exp_avg", "exp_avg_sq"))
                    adamw_update(part, grads, m, v, step, **constants)
        return None

    def _by_step(self, params: Iterable[Tensor]) -> Iterator[tuple[int, list[Tensor]]]:
        """Count this step of each parameter that has a gradient; yield the parameters by the number of their steps."""
        ages: dict[int, list[Tensor]] = {}
        for param in params:
            if param.grad is not None:
                state = self.state[param]
                if not state:
                    state.update(step=0, exp_avg=torch.zeros_like(param), exp_avg_sq=torch.zeros_like(param))
                state["step"] += 1
                ages.setdefault(state["step"], []).append(param)
        yield from ages.items()


def _parts(params: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Split `params` into runs of at most AT_ONCE numbers; a larger parameter is a run of its own."""
    part, numbers = list[Tensor](), 0
    for param in params:
        if part and numbers + param.numel() > AT_ONCE:
            yield part
            part, numbers = [], 0
        part.append(param)
        numbers += param.numel()
    yield part
