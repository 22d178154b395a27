"""SOAP: Adam in the eigenbasis of Shampoo's preconditioner.

Sources: Vyas et al. 2024 (arXiv 2409.11321, Algorithm 3) and the order of operations of the authors' released
`soap.py` (github.com/nikhilvyas/SOAP). Symbols: W = a parameter, G = its gradient (m x n), L and R = running means
of G G^T and G^T G, Q_L and Q_R = their eigenvectors, G' = Q_L^T G Q_R, M and V = Adam's running means of G' and G'^2
(both kept in the rotated space). L and R use beta2, too.

The released code rotates M out of and into the eigenbasis at every step. Here M is rotated only when the bases change,
which saves four of ten matrix products. Parameters of equal shape and age are stacked, so that their products and
decompositions are batched. Each keeps its own state: its parts of the stack's tensors.

Shapes: S matrices of a stack, m rows, n columns. A side longer than `max_precond_dim` is not rotated, nor is a
one-dimensional parameter. A three-dimensional parameter is a stack of matrices (LoRA's query, key and value).
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.linalg import LinAlgError  # type: ignore[attr-defined]

from model.optim.base import Optimizer
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
    unchanged = torch.arange(order.size(1), device=order.device)
    return turned, torch.where(failed[:, None], unchanged, order), failed


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
    """Parameters that are matrices, or stacks of matrices, of equal shape, and the state of each."""

    params: Sequence[Tensor]
    states: Sequence[dict[str, Any]]

    @functools.cached_property
    def dtype(self) -> torch.dtype:
        """The precision of the state: at least single, because half-precision matrices cannot be decomposed."""
        return torch.promote_types(self.params[0].dtype, torch.float32)

    @functools.cached_property
    def sizes(self) -> list[int]:
        return [math.prod(param.shape[:-2]) for param in self.params]

    def gradients(self) -> Tensor:
        """Return the stacked gradients, (S, m, n), or (S, n) for one-dimensional parameters."""
        stacked = torch.cat([_matrices(p.grad) for p in self.params])  # type: ignore[arg-type]  # not None: see `_stacks`
        return stacked.to(self.dtype)

    def tensors(self) -> dict[str, Tensor]:
        """Return the stacked state."""
        names = [name for name, value in self.states[0].items() if isinstance(value, Tensor)]
        return {name: _joined([state[name] for state in self.states]).to(self.dtype) for name in names}

    def parts(self, stacked: Tensor) -> Iterable[tuple[Tensor, Tensor]]:
        """Return each parameter with its part of `stacked`."""
        pieces = torch.split(stacked, self.sizes)
        return ((p, piece.view_as(p)) for p, piece in zip(self.params, pieces, strict=True))

    def keep(self, step: int, tensors: Mapping[str, Tensor], failed: Tensor | None) -> None:
        """Give each parameter its parts of `tensors` and its share of the `failed` decompositions, (S,)."""
        for name, whole in tensors.items():
            if name not in self.states[0] or self.states[0][name]._base is not whole:
                for state, part in zip(self.states, torch.split(whole, self.sizes), strict=True):
                    state[name] = part
        counts = [0] * len(self.states)
        if failed is not None:
            each = iter(failed.tolist())
            counts = [sum(itertools.islice(each, size)) for size in self.sizes]
        for state, count in zip(self.states, counts, strict=True):
            state.update(step=step, fallbacks=state.get("fallbacks", 0) + count)


def _matrices(tensor: Tensor) -> Tensor:
    """Return a tensor as a stack of matrices, (..., m, n) -> (S, m, n), or of vectors, (n,) -> (1, n)."""
    return tensor.reshape(-1, *tensor.shape[-2:]) if tensor.dim() > 1 else tensor.reshape(1, -1)


def _joined(parts: Sequence[Tensor]) -> Tensor:
    """Stack tensors along the first dimension, without copying if they are all the parts of one, in order."""
    whole, shape = parts[0]._base, (sum(part.size(0) for part in parts), *parts[0].shape[1:])
    ends = itertools.accumulate(part.numel() for part in parts)
    places = ((part._base, part.storage_offset() + part.numel()) for part in parts)
    if (
        whole is not None
        and whole.shape == shape
        and all(base is whole and end == expected for (base, end), expected in zip(places, ends, strict=True))
    ):
        return whole
    return torch.cat(list(parts))


class SOAP(Optimizer):
    """Applies `soap_direction` to every parameter and refreshes the bases every `precondition_frequency` steps.

    `lr` is the step size, `weight_decay` the fraction of a weight removed per step and unit of lr, after the update.
    The first call of `step` with a gradient of a parameter only computes its bases; it does not change the parameter.
    A parameter without a gradient is left alone, as is its state. The state is kept in single precision or better.
    Raises ValueError if a setting is out of bounds.
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
            for stack in self._stacks(group["params"]):
                _update(stack, group)
        return None

    def _stacks(self, params: Sequence[Tensor]) -> list[_Stack]:
        """Group the parameters that have a gradient by the shape of their matrices and the number of their steps."""
        alike: dict[tuple[Any, ...], list[Tensor]] = {}
        for param in params:
            if param.grad is not None and param.numel():
                key = (_matrices(param).shape[1:], param.dtype, param.device, self.state[param].get("step"))
                alike.setdefault(key, []).append(param)
        return [_Stack(members, [self.state[param] for param in members]) for members in alike.values()]


def _update(stack: _Stack, group: dict[str, Any]) -> None:
    """Take one step with the parameters of `stack`; only initialize their state if they have none."""
    grad, beta2 = stack.gradients(), group["betas"][1]
    if not stack.states[0]:
        stack.keep(0, *_start(grad, beta2, group["max_precond_dim"]))
        return
    step, tensors = stack.states[0]["step"] + 1, stack.tensors()
    direction = soap_direction(
        grad,
        tensors["exp_avg"],
        tensors["exp_avg_sq"],
        tensors.get("Q_L"),
        tensors.get("Q_R"),
        step,
        betas=group["betas"],
        eps=group["eps"],
    )
    for param, part in stack.parts(direction):
        param.add_(part, alpha=-group["lr"])
        param.mul_(1 - group["lr"] * group["weight_decay"])
    _average(tensors, grad, beta2)
    failed = _refresh(tensors) if step % group["precondition_frequency"] == 0 else None
    stack.keep(step, tensors, failed)


def _start(grad: Tensor, beta: float, max_precond_dim: int) -> tuple[dict[str, Tensor], Tensor]:
    """Return means of 0, L and R of the first gradient with their eigenvectors, and the failures per matrix, (S,)."""
    state = {"exp_avg": torch.zeros_like(grad), "exp_avg_sq": torch.zeros_like(grad)}
    failures = torch.zeros(len(grad), dtype=torch.long, device=grad.device)
    for side, factors in (("L", grad), ("R", grad.mT)) if grad.dim() > 2 else ():
        if factors.size(1) <= max_precond_dim:
            # One product per matrix, not batched. The first gradient does not span the longer side, so rounding decides
            # part of its basis; only the released code's exact sums reproduce its trajectory.
            state[side] = torch.stack([(1 - beta) * (G @ G.T) for G in factors])
            state[f"Q_{side}"], failed = eigenbases(state[side])
            failures += failed
    return state, failures


def _average(state: Mapping[str, Tensor], grad: Tensor, beta: float) -> None:
    """Update L <- beta L + (1 - beta) G G^T, and R likewise with G^T G."""
    if "L" in state:
        state["L"].baddbmm_(grad, grad.mT, beta=beta, alpha=1 - beta)
    if "R" in state:
        state["R"].baddbmm_(grad.mT, grad, beta=beta, alpha=1 - beta)


def _refresh(state: dict[str, Tensor]) -> Tensor:
    """Refresh the bases for the current L and R, and transform M and V. Return the failures per matrix, (S,)."""
    momentum = rotate_back(state["exp_avg"], state.get("Q_L"), state.get("Q_R"))
    failures = torch.zeros(len(momentum), dtype=torch.long, device=momentum.device)
    for side, dim in (("L", 1), ("R", 2)):
        if side in state:
            state[f"Q_{side}"], order, failed = refresh_eigenbases(state[side], state[f"Q_{side}"])
            failures += failed
            index = order[:, :, None] if dim == 1 else order[:, None, :]
            state["exp_avg_sq"] = state["exp_avg_sq"].gather(dim, index.expand_as(state["exp_avg_sq"]))
    state["exp_avg"] = rotate(momentum, state.get("Q_L"), state.get("Q_R"))
    return failures
