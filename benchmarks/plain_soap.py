"""A plain SOAP: one matrix at a time, with the operations in the order of the authors' released code.

`benchmarks/soap_step.py` compares with it, and `tests/model/optim/test_soap.py` uses it as a reference. Each step takes
ten matrix products per matrix: two each to rotate the gradient, to rotate the update back, to average L and R, to
rotate the momentum out of the basis, and to rotate it in again (the released code does the last two at every step).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class _State:
    exp_avg: Tensor
    exp_avg_sq: Tensor
    GG: list[Tensor | None]  # L and R; None if a dimension is too long; empty for a vector
    Q: list[Tensor | None] = field(default_factory=list)
    step: int = 0


class PlainSOAP:
    """The arithmetic of the released optimizer, for parameters with one or two dimensions."""

    def __init__(
        self,
        params: Sequence[Tensor],
        lr: float,
        betas: tuple[float, float] = (0.95, 0.95),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        precondition_frequency: int = 10,
        max_precond_dim: int = 10_000,
    ) -> None:
        self.params = params
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.precondition_frequency, self.max_precond_dim = precondition_frequency, max_precond_dim
        self.states: dict[int, _State] = {}

    @torch.no_grad()
    def step(self) -> None:
        for number, param in enumerate(self.params):
            assert param.grad is not None
            if number in self.states:
                self.update(param, param.grad, self.states[number])
            else:
                self.states[number] = self.first(param.grad)

    def first(self, grad: Tensor) -> _State:
        sizes = grad.shape if grad.dim() > 1 else ()
        GG = [torch.zeros(n, n, dtype=grad.dtype) if n <= self.max_precond_dim else None for n in sizes]
        state = _State(torch.zeros_like(grad), torch.zeros_like(grad), GG)
        self.average(grad, state)
        state.Q = [None if M is None else torch.linalg.eigh(M + 1e-30 * torch.eye(len(M)))[1].flip(1) for M in GG]
        return state

    def update(self, param: Tensor, grad: Tensor, state: _State) -> None:
        beta1, beta2 = self.betas
        state.step += 1
        projected = project(grad, state.Q)
        state.exp_avg.mul_(beta1).add_(projected, alpha=1 - beta1)
        state.exp_avg_sq.mul_(beta2).add_(projected.square(), alpha=1 - beta2)
        denominator = state.exp_avg_sq.sqrt().add_(self.eps)
        size = self.lr * (1 - beta2**state.step) ** 0.5 / (1 - beta1**state.step)
        param.add_(project_back(state.exp_avg / denominator, state.Q), alpha=-size)
        param.add_(param, alpha=-self.lr * self.weight_decay)
        state.exp_avg = project_back(state.exp_avg, state.Q)
        self.average(grad, state)
        if state.step % self.precondition_frequency == 0:
            self.refresh(state)
        state.exp_avg = project(state.exp_avg, state.Q)

    def average(self, grad: Tensor, state: _State) -> None:
        for side, M in enumerate(state.GG):
            if M is not None:
                M.lerp_(grad @ grad.T if side == 0 else grad.T @ grad, 1 - self.betas[1])

    def refresh(self, state: _State) -> None:
        for side, (M, Q) in enumerate(zip(state.GG, state.Q, strict=True)):
            if M is not None and Q is not None:
                order = torch.argsort((Q.T @ M @ Q).diagonal(), descending=True)
                state.exp_avg_sq = state.exp_avg_sq.index_select(side, order)
                state.Q[side] = torch.linalg.qr(M @ Q[:, order])[0]


def project(x: Tensor, Q: Sequence[Tensor | None]) -> Tensor:
    for side, basis in enumerate(Q):
        if basis is not None:
            x = basis.T @ x if side == 0 else x @ basis
    return x


def project_back(x: Tensor, Q: Sequence[Tensor | None]) -> Tensor:
    for side, basis in enumerate(Q):
        if basis is not None:
            x = basis @ x if side == 0 else x @ basis.T
    return x
