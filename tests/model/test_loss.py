"""The sliced cross-entropy compared with torch: value and both gradients."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from model.loss import SLICE, linear_cross_entropy
from model.rng import generator


def problem(n: int, c: int = 6, v: int = 11) -> tuple[Tensor, Tensor, Tensor]:
    rng = generator(n, "test")
    hidden = torch.randn(n, c, generator=rng, requires_grad=True)
    weight = torch.randn(v, c, generator=rng, requires_grad=True)
    return hidden, weight, torch.randint(v, (n,), generator=rng)


def reference(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(hidden @ weight.T, targets, reduction="sum")


@pytest.mark.parametrize("n", [1, 5, SLICE, SLICE + 1, 2 * SLICE + 7])
def test_value_and_gradients_equal_torch(n: int) -> None:
    hidden, weight, targets = problem(n)
    ours, theirs = linear_cross_entropy(hidden, weight, targets), reference(hidden, weight, targets)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    inputs = (hidden, weight)
    for mine, expected in zip(
        torch.autograd.grad(3 * ours, inputs), torch.autograd.grad(3 * theirs, inputs), strict=True
    ):
        torch.testing.assert_close(mine, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
def test_positions_that_do_not_count_are_ignored(dtype: torch.dtype | None) -> None:
    hidden, weight, targets = problem(SLICE + 9)
    counted = (torch.arange(len(targets)) % 3 > 0).float()
    real = counted.nonzero()[:, 0]
    ours = linear_cross_entropy(hidden, weight, targets, None, dtype, counted)
    theirs = linear_cross_entropy(hidden[real], weight, targets[real], None, dtype)
    torch.testing.assert_close(ours, theirs)
    found, expected = (torch.autograd.grad(loss, (hidden, weight)) for loss in (ours, theirs))
    assert (found[0][counted == 0] == 0).all()
    tolerances = {"rtol": 1e-5, "atol": 1e-4} if dtype is None else {"rtol": 1e-2, "atol": 1e-2}
    for mine, other in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, other, **tolerances)


def test_gradient_by_hand() -> None:
    """Two tokens with logits 0 and ln 3: probabilities 1/4 and 3/4, loss ln 4, gradient of the logits -3/4 and 3/4."""
    hidden = torch.tensor([[1.0]], requires_grad=True)
    weight = torch.tensor([[0.0], [math.log(3)]], requires_grad=True)
    loss = linear_cross_entropy(hidden, weight, torch.tensor([0]))
    loss.backward()
    assert loss.item() == pytest.approx(math.log(4))
    torch.testing.assert_close(weight.grad, torch.tensor([[-0.75], [0.75]]))
    torch.testing.assert_close(hidden.grad, torch.tensor([[0.75 * math.log(3)]]))


def test_a_frozen_head_gets_no_gradient() -> None:
    hidden, weight, targets = problem(SLICE + 3)
    (expected,) = torch.autograd.grad(reference(hidden, weight, targets), hidden)
    frozen = weight.detach()
    linear_cross_entropy(hidden, frozen, targets).backward()
    torch.testing.assert_close(hidden.grad, expected, rtol=1e-5, atol=1e-5)
    assert frozen.grad is None


def test_frozen_hidden_states_get_no_gradient() -> None:
    hidden, weight, targets = problem(9)
    (expected,) = torch.autograd.grad(reference(hidden, weight, targets), weight)
    linear_cross_entropy(hidden.detach(), weight, targets).backward()
    torch.testing.assert_close(weight.grad, expected, rtol=1e-5, atol=1e-5)
    assert hidden.grad is None


def test_without_gradients_only_the_value_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden, weight, targets = problem(9)
    monkeypatch.setattr(torch, "zeros_like", lambda *_: pytest.fail("made room for a gradient"))
    monkeypatch.setattr(torch, "empty_like", lambda *_: pytest.fail("made room for a gradient"))
    with torch.no_grad():
        loss = linear_cross_entropy(hidden, weight, targets)
    assert not loss.requires_grad
    torch.testing.assert_close(loss, reference(hidden, weight, targets).detach(), rtol=1e-5, atol=1e-5)


def test_large_logits_stay_finite() -> None:
    loss = linear_cross_entropy(torch.tensor([[1000.0]]), torch.tensor([[1.0], [-1.0]]), torch.tensor([1]))
    assert loss.item() == pytest.approx(2000)


def test_it_is_deterministic() -> None:
    runs = []
    for _ in range(2):
        hidden, weight, targets = problem(SLICE + 50)
        linear_cross_entropy(hidden, weight, targets).backward()
        runs.append((hidden.grad, weight.grad))
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


def test_descending_it_learns_the_targets() -> None:
    hidden, weight, targets = problem(8, c=8, v=11)
    for _ in range(300):
        grads = torch.autograd.grad(linear_cross_entropy(hidden, weight, targets), (hidden, weight))
        with torch.no_grad():
            for parameter, grad in zip((hidden, weight), grads, strict=True):
                parameter -= 0.1 * grad
    assert torch.equal((hidden @ weight.T).argmax(1), targets)
    assert linear_cross_entropy(hidden, weight, targets).item() < 0.1


@pytest.mark.parametrize("n", [5, SLICE + 1])
def test_in_bf16_only_products_are_rounded(n: int) -> None:
    hidden, weight, targets = problem(n, c=24, v=50)
    inputs = (hidden, weight)
    ours = linear_cross_entropy(hidden, weight, targets, dtype=torch.bfloat16)
    theirs = reference(hidden, weight, targets)
    assert ours.dtype == torch.float32
    assert ours.item() == pytest.approx(theirs.item(), rel=3e-3)
    for mine, expected in zip(torch.autograd.grad(ours, inputs), torch.autograd.grad(theirs, inputs), strict=True):
        assert mine.dtype == torch.float32
        assert (mine - expected).norm() < 0.01 * expected.norm()


def test_in_bf16_a_constant_in_all_logits_costs_no_precision() -> None:
    """GPT-2's logits lie near -100, where numbers in bf16 are 0.5 apart."""
    hidden, weight, targets = problem(20, c=24, v=50)
    shift = torch.zeros(24)
    shift[0] = -100
    moved = (weight + shift).detach()
    ones = torch.cat([torch.ones(20, 1), hidden.detach()[:, 1:]], 1)
    expected = reference(ones, moved, targets)
    assert (ones @ moved.T).mean() < -90
    assert linear_cross_entropy(ones, moved, targets, dtype=torch.bfloat16).item() == pytest.approx(
        expected.item(), rel=2e-3
    )
