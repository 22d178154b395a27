"""Faults of made-up GPUs. Each function lets the process that calls it suffer one; its arguments are text."""

import os
from collections.abc import Callable

import torch

from tests.pretended_gpu import GPUTensor

ILLEGAL = "CUDA error: an illegal memory access was encountered"


def none() -> None:
    pass


def _before_operations(fail: Callable[[int], None]) -> None:
    """Call `fail` with the number of operations so far before each operation on the GPU."""
    real, numbers = GPUTensor.__torch_dispatch__.__func__, iter(range(2**62))

    def dispatch(cls, func, types, args=(), kwargs=None):
        fail(next(numbers))
        return real(cls, func, types, args, kwargs)

    GPUTensor.__torch_dispatch__ = classmethod(dispatch)


def sticky(gpu: str, operations: str, once: str = "") -> None:
    """From some operation on, every operation on GPU `gpu` fails; with the file `once`, in one process only."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") != gpu:
        return

    def fail(number: int) -> None:
        if number < int(operations):
            return
        if number == int(operations) and once:
            try:
                os.close(os.open(once, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return
            broken.append(True)
        if broken or not once:
            raise torch.AcceleratorError(ILLEGAL)

    broken: list[bool] = []
    _before_operations(fail)


def full(text: str) -> None:
    """A trial that shares its GPU gets an error of this text, with dashes for blanks, at some operation."""
    allowed: list[float] = []
    torch.cuda.set_per_process_memory_fraction = lambda share, device=None: allowed.append(share)

    def fail(number: int) -> None:
        if allowed and allowed[-1] < 1 and number > 2000:
            raise torch.AcceleratorError(text.replace("~", " "))

    _before_operations(fail)


def vanished() -> None:
    """Torch sees no GPU."""
    torch.cuda.is_available = lambda: False
    torch.cuda.device_count = lambda: 0
