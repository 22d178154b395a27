"""Bregman proximal point optimization: keep a model close to a running mean of its past weights.

    loss += mu * l_s(f(x; theta), f(x; theta~)),    theta~ <- (1 - beta) theta + beta theta~ after each step

Source: Jiang et al. 2020 (arXiv 1911.03437, section 3.2 and Algorithm 1, the variant with momentum). mu is
`smart.bregman_mu`, beta is `smart.bregman_beta`, l_s is `model.methods.smart.symmetrized_kl`, whose gradient is half of
the printed formula's: mu = 1 acts like 0.5 in print.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor


class Teacher:
    """theta~: a running mean of a model's trained tensors. Frozen tensors are shared, not copied."""

    def __init__(self, trained: Mapping[str, Tensor], beta: float) -> None:
        self.trained = trained
        self.beta = beta
        self.tensors = {name: parameter.detach().clone() for name, parameter in trained.items()}

    @contextmanager
    def in_charge(self) -> Iterator[None]:
        """Make the model compute with theta~ inside the block, without gradients."""
        self._swap()
        try:
            with torch.no_grad():
                yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for name, parameter in self.trained.items():
            parameter.data, self.tensors[name] = self.tensors[name], parameter.data

    @torch.no_grad()
    def follow(self) -> None:
        """Update theta~ after an optimizer step of the model."""
        for name, parameter in self.trained.items():
            self.tensors[name].lerp_(parameter, 1 - self.beta)

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore theta~ from saved tensors, keyed by the names of the trained ones."""
        for name, tensor in tensors.items():
            self.tensors[name].copy_(tensor)
