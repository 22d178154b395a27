"""The default device, and the arithmetic of a GPU."""

import os

import pytest
import torch

from model.hardware import WORKSPACE, arithmetic, default_device, deterministic, move

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def test_default_device_is_a_gpu_if_available(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, kind in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert default_device().type == kind


@pytest.mark.parametrize(("precision", "inside"), [(None, "highest"), ("tf32", "high")])
def test_products_are_exact_unless_asked_otherwise(precision: str | None, inside: str) -> None:
    """Whatever the process had set before is restored."""
    torch.set_float32_matmul_precision("medium")
    try:
        with arithmetic(precision, GPU):
            assert torch.get_float32_matmul_precision() == inside
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_a_gpu_is_deterministic_within_the_block_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WORKSPACE, "")  # so that it is restored
    monkeypatch.delenv(WORKSPACE)
    with deterministic(GPU):
        assert torch.are_deterministic_algorithms_enabled()
        assert os.environ[WORKSPACE] == ":4096:8"
    assert not torch.are_deterministic_algorithms_enabled()
    with deterministic(CPU):
        assert not torch.are_deterministic_algorithms_enabled()


def test_a_tensor_moves_to_its_own_device_uncopied() -> None:
    tensor = torch.ones(2)
    assert move(tensor, CPU) is tensor
