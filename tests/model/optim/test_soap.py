"""SOAP compared with a plain transcription of the released code and with Adam, and its failure handling."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.plain_soap import PlainSOAP
from model.optim import soap
from model.optim.adamw import AdamW
from model.optim.soap import SOAP, eigenbases, refresh_eigenbases, rotate, rotate_back
from model.rng import generator

# Stacks of two and of one, both orientations, a square, vectors, and a side above the limit of 20.
SHAPES = [(4, 6), (4, 6), (6, 4), (5, 5), (12, 5), (30, 4), (3, 40), (50, 60), (7,), (7,), (1,)]


def parameters(shapes: Sequence[tuple[int, ...]] = SHAPES, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    rng = generator(0, "test")
    return [torch.randn(shape, generator=rng, dtype=dtype).requires_grad_() for shape in shapes]


def give_gradients(params: Sequence[Tensor], rng: torch.Generator) -> None:
    """Of an ill-conditioned bowl, with noise."""
    for param in params:
        scale = torch.logspace(-2, 1, param.numel(), dtype=param.dtype).view_as(param)
        noise = torch.randn(param.shape, generator=rng, dtype=param.dtype)
        param.grad = scale * param.detach() + 0.3 * noise


def run(make: Callable[..., Any], steps: int = 50, **settings: Any) -> list[Tensor]:
    params, rng = parameters(), generator(1, "test")
    optimizer = make(params, **settings)
    for _ in range(steps):
        give_gradients(params, rng)
        optimizer.step()
    return [param.detach() for param in params]


@pytest.mark.parametrize(
    "settings",
    [
        {"lr": 3e-3},
        {"lr": 0.1, "weight_decay": 0.0},
        {"lr": 0.1, "weight_decay": 0.5, "precondition_frequency": 7},
        {"lr": 0.05, "betas": (0.9, 0.99), "eps": 1e-3, "precondition_frequency": 10},
    ],
    ids=str,
)
def test_fifty_steps_equal_the_released_order(settings: dict[str, Any]) -> None:
    settings = {**settings, "max_precond_dim": 20}
    for mine, expected, start in zip(run(SOAP, **settings), run(PlainSOAP, **settings), parameters(), strict=True):
        torch.testing.assert_close(mine, expected, atol=1e-5, rtol=0)
        assert (mine - start).abs().max() > 0.01


def test_it_is_bitwise_deterministic() -> None:
    assert all(torch.equal(a, b) for a, b in zip(run(SOAP, lr=0.1), run(SOAP, lr=0.1), strict=True))


def test_the_first_call_changes_nothing() -> None:
    for param, start in zip(run(SOAP, steps=1, lr=0.1), parameters(), strict=True):
        assert torch.equal(param, start)


def test_with_identity_bases_it_is_adam(monkeypatch: pytest.MonkeyPatch) -> None:
    """With eps 0: SOAP compares it with the uncorrected root, Adam with the corrected one."""
    none_failed = torch.zeros(1, dtype=torch.bool)
    monkeypatch.setattr(soap, "eigenbases", lambda M: (torch.eye(M.size(1)).to(M).repeat(len(M), 1, 1), none_failed))
    settings = {"lr": 0.05, "betas": (0.9, 0.99), "eps": 0.0, "weight_decay": 0.0}
    ours, theirs = parameters(), parameters()
    optimizers = SOAP(ours, precondition_frequency=1000, **settings), AdamW(theirs, **settings)  # type: ignore[arg-type]
    generators = generator(1, "test"), generator(1, "test")
    for step in range(30):
        for params, optimizer, rng in zip((ours, theirs), optimizers, generators, strict=True):
            give_gradients(params, rng)
            if step or params is ours:  # Adam has no call that only initialises
                optimizer.step()
    for mine, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, expected, atol=1e-10, rtol=0)


def test_a_stack_of_matrices_is_its_matrices() -> None:
    """A parameter of three dimensions, like LoRA's, moves as its matrices would by themselves."""
    stacked, single = parameters([(3, 4, 6)])[0], parameters([(3, 4, 6)])[0].detach()
    parts = [part.clone().requires_grad_() for part in single]
    one, other = SOAP([stacked], lr=0.1), SOAP(parts, lr=0.1)
    rng = generator(1, "test")
    for _ in range(25):
        give_gradients([stacked], rng)
        assert stacked.grad is not None
        for part, grad in zip(parts, stacked.grad, strict=True):
            part.grad = grad
        one.step()
        other.step()
    assert torch.equal(stacked, torch.stack(parts))


def test_it_converges_in_a_narrow_valley_across_the_axes() -> None:
    turn = torch.linalg.qr(torch.randn(8, 8, generator=generator(0, "test"), dtype=torch.float64)).Q
    curvature = turn @ torch.diag(torch.logspace(0, 3, 8, dtype=torch.float64)) @ turn.T
    W = torch.randn(8, 5, generator=generator(1, "test"), dtype=torch.float64).requires_grad_()
    optimizer = SOAP([W], lr=0.02, weight_decay=0.0)
    losses = []
    for _ in range(500):
        optimizer.zero_grad()
        loss = (W * (curvature @ W)).sum()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 1e-3 * losses[0]


def test_its_state_saves_and_loads_exactly() -> None:
    params, rng = parameters(), generator(1, "test")
    whole = SOAP(params, lr=0.1, max_precond_dim=20)
    for _ in range(15):
        give_gradients(params, rng)
        whole.step()
    twins = [param.detach().clone().requires_grad_() for param in params]
    resumed = SOAP(twins, lr=0.1, max_precond_dim=20)
    resumed.load_state_dict(copy.deepcopy(whole.state_dict()))
    for _ in range(15):
        give_gradients(params, rng)
        for twin, param in zip(twins, params, strict=True):
            twin.grad = param.grad
        whole.step()
        resumed.step()
    assert all(torch.equal(twin, param) for twin, param in zip(twins, params, strict=True))


def test_rotation_keeps_lengths_and_is_undone() -> None:
    rng = generator(0, "test")
    G = torch.randn(3, 4, 6, generator=rng, dtype=torch.float64)
    Q_L, Q_R = (torch.linalg.qr(torch.randn(3, n, n, generator=rng, dtype=torch.float64)).Q for n in (4, 6))
    for bases in ((Q_L, Q_R), (None, Q_R), (Q_L, None), (None, None)):
        rotated = rotate(G, *bases)
        torch.testing.assert_close(rotated.norm(dim=(1, 2)), G.norm(dim=(1, 2)))
        torch.testing.assert_close(rotate_back(rotated, *bases), G)


def test_bases_are_eigenvectors_largest_first() -> None:
    matrices = torch.diag_embed(torch.tensor([[1.0, 3.0, 2.0], [5.0, 4.0, 6.0]]))
    Q, failed = eigenbases(matrices)
    assert (Q.mT @ matrices @ Q).diagonal(dim1=1, dim2=2).tolist() == [[3, 2, 1], [6, 5, 4]]
    assert not failed.any()


def symmetric(sizes: int = 3, n: int = 4) -> Tensor:
    half = torch.randn(sizes, n, 2 * n, generator=generator(0, "test"))
    return half @ half.mT


def test_repeated_refreshes_converge_to_the_eigenvectors() -> None:
    L = symmetric()
    Q = torch.eye(4).expand_as(L)
    for _ in range(200):
        Q, _, _ = refresh_eigenbases(L, Q)
    expected, _ = eigenbases(L)
    torch.testing.assert_close((expected.mT @ Q).abs(), torch.eye(4).expand_as(L), atol=1e-3, rtol=0)


def test_nonfinite_matrix_keeps_its_basis_and_counts_as_failed() -> None:
    L = symmetric()
    L[1, 2, 2] = float("nan")
    start = torch.eye(4).expand_as(L)
    Q, failed = eigenbases(L)
    assert failed.tolist() == [False, True, False]
    assert torch.equal(Q[1], start[1])
    Q, order, failed = refresh_eigenbases(L, start)
    assert failed.tolist() == [False, True, False]
    assert torch.equal(Q[1], start[1])
    assert order[1].tolist() == [0, 1, 2, 3]
    good, _ = eigenbases(symmetric())
    assert torch.equal(eigenbases(L)[0][0], good[0])


@pytest.mark.parametrize("dtypes_that_fail", [1, 2])
def test_a_decomposition_that_fails_is_tried_with_more_care(
    dtypes_that_fail: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First with a raised diagonal, then in double precision; what the trouble was, nobody is told."""
    eigh, calls = torch.linalg.eigh, []

    def moody(M: Tensor) -> Any:
        calls.append(M.dtype)
        if len(calls) == 1 or (M.dtype == torch.float32 and dtypes_that_fail == 2):
            raise torch.linalg.LinAlgError("no convergence")  # type: ignore[attr-defined]
        return eigh(M)

    expected, _ = eigenbases(symmetric())
    monkeypatch.setattr(torch.linalg, "eigh", moody)
    Q, failed = eigenbases(symmetric())
    assert not failed.any()
    assert (calls[-1] == torch.float64) == (dtypes_that_fail == 2)
    torch.testing.assert_close((expected.mT @ Q).abs(), torch.eye(4).expand_as(Q), atol=1e-3, rtol=0)


@pytest.mark.parametrize("name", ["eigh", "qr"])
def test_training_continues_when_every_decomposition_fails(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(M: Tensor) -> Any:
        raise torch.linalg.LinAlgError("no convergence")  # type: ignore[attr-defined]

    monkeypatch.setattr(torch.linalg, name, fails)
    params, rng = parameters([(4, 6), (4, 6)]), generator(1, "test")
    optimizer = SOAP(params, lr=0.1)
    for _ in range(11):
        give_gradients(params, rng)
        optimizer.step()
    assert all(param.isfinite().all() for param in params)
    assert optimizer.fallbacks == 4  # two matrices, two sides


def test_a_gradient_of_zero_moves_nothing() -> None:
    """LoRA's A has one until B has moved."""
    param = torch.ones(3, 4, requires_grad=True)
    optimizer = SOAP([param], lr=0.1, weight_decay=0.0)
    for _ in range(12):
        param.grad = torch.zeros(3, 4)
        optimizer.step()
    assert torch.equal(param, torch.ones(3, 4))
    assert optimizer.fallbacks == 0


def test_a_parameter_without_gradient_is_left_alone() -> None:
    used, unused = (torch.ones(2, 3, requires_grad=True) for _ in range(2))
    optimizer = SOAP([unused, used], lr=0.1, weight_decay=0.5)
    for _ in range(2):
        used.grad = torch.ones(2, 3)
        optimizer.step()
    assert torch.equal(unused, torch.ones(2, 3))
    assert not torch.equal(used, torch.ones(2, 3))


def test_gradients_that_come_and_go_equal_the_released_code() -> None:
    """Parameters of one shape, each without a gradient at steps of its own; the released code gets one by itself."""
    shapes = [(6, 5), (6, 5), (6, 5), (7,), (7,)]
    settings: dict[str, Any] = {"lr": 0.1, "precondition_frequency": 3}
    ours, theirs = parameters(shapes), parameters(shapes)
    optimizer, released = SOAP(ours, **settings), [PlainSOAP([param], **settings) for param in theirs]
    rng, twin_rng = generator(1, "test"), generator(1, "test")
    for step in range(25):
        give_gradients(ours, rng)
        give_gradients(theirs, twin_rng)
        for n, param in enumerate(ours):
            if step % (n + 2) == n % 2:
                param.grad = None
            else:
                released[n].step()
        optimizer.step()
    for mine, expected, start in zip(ours, theirs, parameters(shapes), strict=True):
        torch.testing.assert_close(mine, expected, atol=1e-5, rtol=0)
        assert not torch.equal(mine, start)


def test_state_belongs_to_the_parameter() -> None:
    """After steps of one parameter, another of its shape gets a gradient of zero: it does not move."""
    one, other = (torch.ones(6, 5, requires_grad=True) for _ in range(2))
    optimizer = SOAP([one, other], lr=0.1, weight_decay=0.0)
    for _ in range(5):
        one.grad = torch.randn(6, 5, generator=generator(0, "test"))
        optimizer.step()
    one.grad = None
    for _ in range(3):
        other.grad = torch.zeros(6, 5)
        optimizer.step()
    assert torch.equal(other, torch.ones(6, 5))
    assert [optimizer.state[param]["step"] for param in (one, other)] == [4, 2]
    assert optimizer.state[one]["exp_avg"].shape == optimizer.state[other]["exp_avg"].shape == (1, 6, 5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_follows_single_precision(dtype: torch.dtype) -> None:
    half, single = parameters([(4, 6), (7,)], dtype), parameters([(4, 6), (7,)], dtype)
    single = [param.detach().float().requires_grad_() for param in single]
    optimizers = SOAP(half, lr=0.05, precondition_frequency=3), SOAP(single, lr=0.05, precondition_frequency=3)
    rng = generator(1, "test")
    for _ in range(8):
        give_gradients(half, rng)
        for param, twin in zip(half, single, strict=True):
            assert param.grad is not None
            twin.grad = param.grad.float()
        for optimizer in optimizers:
            optimizer.step()
    for param, twin in zip(half, single, strict=True):
        assert param.dtype == dtype
        torch.testing.assert_close(param.float(), twin, atol=0.05, rtol=0.02)
        assert {value.dtype for value in optimizers[0].state[param].values() if isinstance(value, Tensor)} == {
            torch.float32
        }
    optimizers[0].load_state_dict(copy.deepcopy(optimizers[0].state_dict()))
    optimizers[0].step()
    assert all(param.isfinite().all() for param in half)


@pytest.mark.parametrize("shape", [(0,), (0, 5), (3, 0), (2, 0, 4)])
def test_an_empty_parameter_is_passed_over(shape: tuple[int, ...]) -> None:
    empty, full = torch.ones(shape, requires_grad=True), torch.ones(2, 3, requires_grad=True)
    optimizer = SOAP([empty, full], lr=0.1)
    for _ in range(3):
        empty.grad, full.grad = torch.zeros(shape), torch.ones(2, 3)
        optimizer.step()
    assert not torch.equal(full, torch.ones(2, 3))


def test_equal_parameters_share_their_storage() -> None:
    """So that stacking their state copies nothing."""
    params, rng = parameters([(4, 6), (4, 6), (3, 4, 6)]), generator(1, "test")
    optimizer = SOAP(params, lr=0.1, precondition_frequency=2)
    for _ in range(3):
        give_gradients(params, rng)
        optimizer.step()
    for name in ("exp_avg", "exp_avg_sq", "L", "Q_R"):
        parts = [optimizer.state[param][name] for param in params]
        whole = soap._joined(parts)
        assert whole.data_ptr() == parts[0].data_ptr()
        assert torch.equal(whole, torch.cat(parts))
        assert torch.equal(soap._joined(parts[::-1]), torch.cat(parts[::-1]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": 0.0}, "lr must be above 0"),
        ({"lr": 0.1, "betas": (1.0, 0.9)}, "betas must lie in"),
        ({"lr": 0.1, "precondition_frequency": 0}, "precondition_frequency must be at least 1"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SOAP([torch.ones(1, requires_grad=True)], **settings)


def test_a_closure_is_refused() -> None:
    with pytest.raises(ValueError, match="closure"):
        SOAP([torch.ones(1, requires_grad=True)]).step(lambda: 0.0)
