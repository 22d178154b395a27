"""Base class of optimizers that update each parameter independently, by one rule."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from model.optim.base import Optimizer

Update = Callable[[Tensor, Tensor, dict[str, Any], dict[str, Any]], None]


class Elementwise(Optimizer):
    """Calls `update(param, grad, state, options)` for every parameter that has a gradient.

    `update` changes `param` in place and keeps the parameter's state in `state`, which is empty at the first step.
    `options` holds lr (the step size), weight_decay (the fraction of a weight removed per step and unit of lr) and
    others.
    """

    def __init__(self, params: Iterable[Tensor], update: Update, **options: Any) -> None:
        """Raise ValueError if the learning rate is not above 0."""
        if options["lr"] <= 0:
            raise ValueError(f"lr must be above 0, got {options['lr']}")
        super().__init__(params, options)
        self._update = update

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        if closure is not None:
            raise ValueError(f"{type(self).__name__} takes no closure: call backward first, then step()")
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    self._update(param, param.grad, self.state[param], group)
        return None
