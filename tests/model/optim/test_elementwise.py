"""Elementwise optimizers, made from an update rule."""

from typing import Any

import pytest
import torch
from torch import Tensor

from model.optim.elementwise import Elementwise


def count(param: Tensor, grad: Tensor, state: dict[str, Any], options: dict[str, Any]) -> None:
    """Move by lr times the number of the step."""
    state["step"] = state.get("step", 0) + 1
    param.sub_(options["lr"] * state["step"] * grad)


def test_each_parameter_has_a_state_of_its_own() -> None:
    one, other = torch.zeros(2, requires_grad=True), torch.zeros(1, requires_grad=True)
    optimizer = Elementwise([one, other], count, lr=0.5)
    one.grad = torch.ones(2)
    optimizer.step()
    other.grad = torch.ones(1)
    optimizer.step()
    assert one.tolist() == [-1.5, -1.5]
    assert other.tolist() == [-0.5]


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="lr must be above 0, got 0"):
        Elementwise([torch.zeros(1, requires_grad=True)], count, lr=0.0)
    with pytest.raises(ValueError, match="takes no closure"):
        Elementwise([torch.zeros(1, requires_grad=True)], count, lr=0.1).step(lambda: 0.0)
