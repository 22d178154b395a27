"""The proximal teacher: a running mean of the weights that temporarily replaces them."""

import pytest
import torch
from torch import Tensor

from model.methods.bregman import Teacher


@pytest.fixture
def trained() -> dict[str, Tensor]:
    return {"a": torch.tensor([1.0, 2.0], requires_grad=True), "b": torch.tensor([3.0], requires_grad=True)}


def test_teacher_moves_by_one_minus_beta(trained: dict[str, Tensor]) -> None:
    """theta~ starts at 1; theta moves to 5; .25 * 5 + .75 * 1 = 2, then .25 * 5 + .75 * 2 = 2.75."""
    teacher = Teacher(trained, beta=0.75)
    trained["a"].data[0] = 5
    teacher.follow()
    assert teacher.tensors["a"].tolist() == [2, 2]
    teacher.follow()
    assert teacher.tensors["a"].tolist() == [2.75, 2]
    assert teacher.tensors["b"].tolist() == [3]


def test_it_takes_the_models_place_and_gives_it_back(trained: dict[str, Tensor]) -> None:
    teacher = Teacher(trained, beta=0.5)
    trained["b"].data.fill_(7)
    with teacher.in_charge():
        inside = trained["b"] * 2
    assert inside.item() == 6
    assert not inside.requires_grad
    assert (trained["b"].item(), teacher.tensors["b"].item()) == (7, 3)


def test_an_error_inside_gives_the_place_back_too(trained: dict[str, Tensor]) -> None:
    teacher = Teacher(trained, beta=0.5)
    trained["b"].data.fill_(7)
    with pytest.raises(ZeroDivisionError), teacher.in_charge():
        _ = 1 / 0
    assert trained["b"].item() == 7


def test_being_in_charge_does_not_spoil_a_gradient(trained: dict[str, Tensor]) -> None:
    teacher = Teacher(trained, beta=0.5)
    trained["b"].data.fill_(7)
    with teacher.in_charge():
        anchor = trained["b"] * 1
    ((trained["b"] - anchor) ** 2).sum().backward()
    assert trained["b"].grad is not None
    assert trained["b"].grad.item() == 2 * (7 - 3)


def test_saved_tensors_are_taken_up(trained: dict[str, Tensor]) -> None:
    teacher = Teacher(trained, beta=0.5)
    trained["b"].data.fill_(7)
    teacher.follow()
    again = Teacher(trained, beta=0.5)
    again.load(teacher.tensors)
    assert torch.equal(again.tensors["b"], torch.tensor([5.0]))
