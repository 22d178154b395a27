"""SOAP: Adam in the eigenbasis of Shampoo's preconditioner.

Sources: Vyas et al. 2024 (arXiv 2409.11321, Algorithm 3) and the order of operations of the authors' released
`soap.py` (github.com/nikhilvyas/SOAP). Symbols: W = a parameter, G = its gradient (m x n), L and R = running means
of G G^T and G^T G, Q_L and Q_R = their eigenvectors, G' = Q_L^T G Q_R, M and V = Adam's running means of G' and G'^2
(both kept in the rotated space). L and R use beta2, too.

The released code rotates M out of and into the eigenbasis at every step. Here M is rotated only when the bases change,
which saves four of ten matrix products. Parameters of equal shape are stacked, so that their products and
decompositions are batched.

Shapes: S matrices of a stack, m rows, n columns. A side longer than `max_precond_dim` is not rotated, nor is a
one-dimensional parameter. A three-dimensional parameter is a stack of matrices (LoRA's query, key and value).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.linalg import LinAlgError  # type: ignore[attr-defined]

from model.optim.settings import SOAP_WEIGHT_DECAY, SOAPSettings

JITTER = 1e-8  # fraction of the mean diagonal added to the diagonal after a failure; it leaves eigenvectors unchanged


def rotate(G: Tensor, Q_L: Tensor | None, Q_R: Tensor | None) -> Tensor:
    """Return G' = Q_L^T G Q_R, (S, m, n) -> (S, m, n). A side whose basis is None is not rotated."""
    G = G if Q_L is None else Q_L.mT @ G
    return G if Q_R is None else G @ Q_R


def rotate_back(G: Tensor, Q_L: Tensor | None, Q_R: Tensor | None) -> Tensor:
    """Return Q_L G' Q_R^T, the inverse of `rotate`."""
    G = G if Q_L is None else Q_L @ G
    return G if Q_R is None else G @ Q_R.mT


def soap_direction(
    grad: Tensor,  # G, (S, m, n), or (S, n) for one-dimensional parameters
    exp_avg: Tensor,  # M in the rotated space, same shape, changed in place
    exp_avg_sq: Tensor,  # V in the rotated space, same shape, changed in place
    Q_L: Tensor | None,  # (S, m, m)
    Q_R: Tensor | None,  # (S, n, n)
    step: int,  # t, counted from 1; the initializing call is not a step
    *,
    betas: tuple[float, float],
    eps: float,
) -> Tensor:
    """Update the running means M, V of G', G'^2; return Q_L [M / (sqrt(V) + eps)] Q_R^T with Adam's bias corrections.

    The corrections scale the quotient, so eps is added to the uncorrected sqrt(V), as in the released code.
    """
    beta1, beta2 = betas
    rotated = rotate(grad, Q_L, Q_R)
    exp_avg.lerp_(rotated, 1 - beta1)
    exp_avg_sq.mul_(beta2).addcmul_(rotated, rotated, value=1 - beta2)
    quotient = torch.div(exp_avg, exp_avg_sq.sqrt().add_(eps), out=rotated if rotated is not grad else None)
    return rotate_back(quotient, Q_L, Q_R).mul_((1 - beta2**step) ** 0.5 / (1 - beta1**step))


def eigenbases(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """Return the eigenvectors of symmetric matrices, (S, n, n), and whether each decomposition failed, (S,).

    The largest eigenvalue comes first. A matrix that is not finite, or fails in every precision, gets the identity.
    """
    plain = torch.eye(matrices.size(1), dtype=matrices.dtype, device=matrices.device).expand_as(matrices)
    return _with_fallbacks(lambda M: torch.linalg.eigh(M).eigenvectors.flip(2), matrices, plain)


def refresh_eigenbases(matrices: Tensor, Q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Refresh the bases by one step of power iteration. (S, n, n), (S, n, n) -> (S, n, n), (S, n), (S,).

    Sort the columns by their estimated eigenvalues diag(Q^T L Q), largest first, then take Q <- qr(L Q). Return the new
    bases, the order of the old columns in them, and whether each QR failed; a failed one keeps its old basis and order.
    """
    product = matrices @ Q
    order = (Q * product).sum(1).argsort(dim=1, descending=True, stable=True)  # (S, n)
    columns = order[:, None, :].expand_as(Q)
    turned, failed = _with_fallbacks(lambda M: torch.linalg.qr(M).Q, product.gather(2, columns), Q)
    order[failed] = torch.arange(order.size(1), device=order.device)
    return turned, order, failed


def _with_fallbacks(
    decompose: Callable[[Tensor], Tensor], matrices: Tensor, otherwise: Tensor
) -> tuple[Tensor, Tensor]:
    """Decompose all matrices in a batch, retry failed ones singly, and use `otherwise` if those fail again."""
    try:
        result = decompose(matrices).contiguous()  # the layout after save and load, since layout affects the last bits
        good = result.isfinite().all(2).all(1)
    except LinAlgError:
        result, good = torch.empty_like(matrices), matrices.new_zeros(len(matrices), dtype=torch.bool)
    failed = ~good
    for index in failed.nonzero()[:, 0].tolist():
        single = _with_care(decompose, matrices[index : index + 1])
        failed[index] = single is None
        result[index] = otherwise[index] if single is None else single[0]
    return result, failed


def _with_care(decompose: Callable[[Tensor], Tensor], matrix: Tensor) -> Tensor | None:
    """Decompose one matrix plus jitter: as it is, in float64, in float64 on the CPU. Return None if all fail."""
    if not matrix.isfinite().all():
        return None
    size = matrix.diagonal(dim1=1, dim2=2).abs().mean()
    raised = matrix + JITTER * size * torch.eye(matrix.size(1), dtype=matrix.dtype, device=matrix.device)
    for way in (raised, raised.double(), raised.double().cpu()):
        try:
            result = decompose(way)
        except LinAlgError:
            continue
        if result.isfinite().all():
            return result.to(matrix)
    return None


@dataclass(frozen=True)
class _Stack:
    """Parameters that are matrices, or stacks of matrices, of equal shape."""

    params: Sequence[Tensor]

    @property
    def shape(self) -> torch.Size:
        return _matrices(self.params[0]).shape[1:]

    def gradients(self) -> Tensor:
        """Return the stacked gradients, (S, m, n), or (S, n) for one-dimensional parameters."""
        return torch.cat([_matrices(p.grad) for p in self.params])  # type: ignore[arg-type]  # not None: see `_stacks`

    def parts(self, stacked: Tensor) -> Iterable[tuple[Tensor, Tensor]]:
        """Return each parameter with its part of `stacked`."""
        pieces = torch.split(stacked, [len(_matrices(p)) for p in self.params])
        return ((p, piece.view_as(p)) for p, piece in zip(self.params, pieces, strict=True))


def _matrices(tensor: Tensor) -> Tensor:
    """Return a tensor as a stack of matrices, (..., m, n) -> (S, m, n), or of vectors, (n,) -> (1, n)."""
    return tensor.reshape(-1, *tensor.shape[-2:]) if tensor.dim() > 1 else tensor.reshape(1, -1)


class SOAP(torch.optim.Optimizer):
    """Applies `soap_direction` to every parameter and refreshes the bases every `precondition_frequency` steps.

    `lr` is the step size, `weight_decay` the fraction of a weight removed per step and unit of lr, after the update.
    The first call of `step` only computes the bases from the first gradient; it changes no parameter. The state of a
    stack is kept under its first parameter. Raises ValueError if a setting is out of bounds.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 3e-3,
        betas: tuple[float, float] = (SOAPSettings.beta1, SOAPSettings.beta2),
        eps: float = SOAPSettings.eps,
        weight_decay: float = SOAP_WEIGHT_DECAY,
        precondition_frequency: int = SOAPSettings.precondition_frequency,
        max_precond_dim: int = SOAPSettings.max_precond_dim,
    ) -> None:
        if lr <= 0:
            raise ValueError(f"lr must be above 0, got {lr}")
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas must lie in [0, 1), got {betas}")
        if precondition_frequency < 1:
            raise ValueError(f"precondition_frequency must be at least 1 step, got {precondition_frequency}")
        options = {"precondition_frequency": precondition_frequency, "max_precond_dim": max_precond_dim}
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, **options})

    @property
    def fallbacks(self) -> int:
        """How often a basis could not be computed, so that the previous one was kept."""
        return sum(state["fallbacks"] for state in self.state.values() if state)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        if closure is not None:
            raise ValueError("SOAP takes no closure: call backward first, then step()")
        for group in self.param_groups:
            for stack in _stacks(group["params"]):
                self._update(stack, group)
        return None

    def _update(self, stack: _Stack, group: dict[str, Any]) -> None:
        grad, state = stack.gradients(), self.state[stack.params[0]]
        if not state:
            _start(state, grad, group["betas"][1], group["max_precond_dim"])
            return
        if state["exp_avg"].shape != grad.shape:
            raise RuntimeError(f"SOAP: the set of parameters of shape {tuple(stack.shape)} with gradients has changed")
        state["step"] += 1
        direction = soap_direction(
            grad,
            state["exp_avg"],
            state["exp_avg_sq"],
            state.get("Q_L"),
            state.get("Q_R"),
            state["step"],
            betas=group["betas"],
            eps=group["eps"],
        )
        for param, part in stack.parts(direction):
            param.add_(part, alpha=-group["lr"])
            param.mul_(1 - group["lr"] * group["weight_decay"])
        _average(state, grad, group["betas"][1])
        if state["step"] % group["precondition_frequency"] == 0:
            _refresh(state)


def _stacks(params: Sequence[Tensor]) -> list[_Stack]:
    """Group the parameters that have a gradient by the shape of their matrices."""
    by_shape: dict[tuple[int, ...], list[Tensor]] = {}
    for param in params:
        if param.grad is not None:
            by_shape.setdefault(tuple(_matrices(param).shape[1:]), []).append(param)
    return [_Stack(members) for members in by_shape.values()]


def _start(state: dict[str, Any], grad: Tensor, beta: float, max_precond_dim: int) -> None:
    """Initialize the running means with 0, L and R from the first gradient, and the bases with their eigenvectors."""
    state.update(step=0, fallbacks=0, exp_avg=torch.zeros_like(grad), exp_avg_sq=torch.zeros_like(grad))
    if grad.dim() == 2:
        return
    for side, factors in (("L", grad), ("R", grad.mT)):
        if factors.size(1) <= max_precond_dim:
            # One product per matrix, not batched. The first gradient does not span the longer side, so rounding decides
            # part of its basis; only the released code's exact sums reproduce its trajectory.
            state[side] = torch.stack([(1 - beta) * (G @ G.T) for G in factors])
            state[f"Q_{side}"], failed = eigenbases(state[side])
            state["fallbacks"] += int(failed.sum())


def _average(state: dict[str, Any], grad: Tensor, beta: float) -> None:
    """Update L <- beta L + (1 - beta) G G^T, and R likewise with G^T G."""
    if "L" in state:
        state["L"].baddbmm_(grad, grad.mT, beta=beta, alpha=1 - beta)
    if "R" in state:
        state["R"].baddbmm_(grad.mT, grad, beta=beta, alpha=1 - beta)


def _refresh(state: dict[str, Any]) -> None:
    """Refresh the bases for the current L and R, and transform M and V accordingly."""
    momentum = rotate_back(state["exp_avg"], state.get("Q_L"), state.get("Q_R"))
    for side, dim in (("L", 1), ("R", 2)):
        if side in state:
            state[f"Q_{side}"], order, failed = refresh_eigenbases(state[side], state[f"Q_{side}"])
            state["fallbacks"] += int(failed.sum())
            index = order[:, :, None] if dim == 1 else order[:, None, :]
            state["exp_avg_sq"] = state["exp_avg_sq"].gather(dim, index.expand_as(state["exp_avg_sq"]))
    state["exp_avg"] = rotate(momentum, state.get("Q_L"), state.get("Q_R"))
