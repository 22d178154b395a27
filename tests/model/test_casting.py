"""Casts of weights: kept while the weights stay, made anew when they change."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from model.casting import as_dtype

BF16 = torch.bfloat16


@pytest.fixture
def weight() -> nn.Parameter:
    return nn.Parameter(torch.tensor([[1.0, 2.0], [3.0, 4.001]]))


def with_foreach(weight: Tensor) -> None:
    torch._foreach_mul_([weight], 2.0)


def behind_autograd(weight: Tensor) -> None:
    """As some optimizers do. The training loop then counts the version."""
    weight.data.mul_(2.0)
    torch.autograd.graph.increment_version(weight)


def with_other_storage(weight: Tensor) -> None:
    weight.data = weight.data * 2


def test_a_weight_of_the_type_is_itself(weight: nn.Parameter) -> None:
    assert as_dtype(weight, torch.float32) is weight
    assert as_dtype(weight, torch.float32, centered=True) is weight


def test_a_frozen_weight_is_cast_once(weight: nn.Parameter) -> None:
    weight.requires_grad_(False)
    cast = as_dtype(weight, BF16)
    assert cast.dtype == BF16
    assert cast.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert as_dtype(weight, BF16) is cast
    assert weight.dtype == torch.float32


@pytest.mark.parametrize("change", [with_foreach, behind_autograd, with_other_storage, lambda weight: weight.mul_(2)])
def test_a_changed_weight_is_cast_anew(weight: nn.Parameter, change: Callable[[Tensor], object]) -> None:
    with torch.no_grad():
        before = as_dtype(weight, BF16)
        change(weight)
        after = as_dtype(weight, BF16)
        assert torch.equal(after, 2 * before)
        assert as_dtype(weight, BF16) is after


def test_a_trained_weight_gets_its_gradient_in_fp32(weight: nn.Parameter) -> None:
    (3 * as_dtype(weight, BF16)).sum().backward()
    assert weight.grad is not None
    assert weight.grad.dtype == torch.float32
    assert weight.grad.tolist() == [[3.0, 3.0], [3.0, 3.0]]


def test_a_centered_weight_has_no_mean_row(weight: nn.Parameter) -> None:
    with torch.no_grad():
        assert as_dtype(weight, BF16, centered=True).tolist() == [[-1.0, -1.0], [1.0, 1.0]]
