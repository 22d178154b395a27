"""Devices: the default one, copies to it, and the arithmetic that it uses.

The sources of nondeterminism are listed in PyTorch's note "Reproducibility" and in the documentation of
`torch.use_deterministic_algorithms`; the effect of TF32 in its note "CUDA semantics".
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"  # cuBLAS is deterministic only with workspaces of a fixed size


def default_device() -> torch.device:
    """Return the first GPU visible to this process, or the CPU if there is none."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def move(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor to `device`. A copy from the CPU to a GPU uses pinned memory, so that nothing waits for it."""
    if device.type == "cuda" and not tensor.is_cuda:
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


@contextlib.contextmanager
def arithmetic(precision: str | None, device: torch.device) -> Iterator[None]:
    """Compute products of fp32 matrices on `device` in fp32 inside the block, or in TF32 if that is the `precision`."""
    if device.type != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextlib.contextmanager
def deterministic(device: torch.device) -> Iterator[None]:
    """Use only deterministic algorithms on a GPU inside the block. Those on a CPU always are.

    Sampling needs sums that have no deterministic algorithm, so this is for training steps alone.
    """
    if device.type != "cuda":
        yield
        return
    os.environ.setdefault(WORKSPACE, ":4096:8")  # read at the first matrix product
    options: Any = torch.utils.deterministic
    before, filled = torch.are_deterministic_algorithms_enabled(), options.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True)
    options.fill_uninitialized_memory = False  # no result reads uninitialized memory
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        options.fill_uninitialized_memory = filled
