"""Faults that a command injects into itself. Module-level functions, so that they can be pickled for its process."""

import os
import pkgutil
from collections.abc import Callable
from typing import Any

import pytest

PATCH = pytest.MonkeyPatch()  # never undone: the process ends


def before_call(name: str, number: int, act: Callable[[], None]) -> None:
    """Let `act` happen before the `number`-th call of `name`."""
    owner, _, attribute = name.rpartition(".")
    calls = iter(range(1, 2**31))
    real = getattr(pkgutil.resolve_name(owner), attribute)

    def wrapped(*arguments: Any, **named: Any) -> Any:
        if next(calls) == number:
            act()
        return real(*arguments, **named)

    PATCH.setattr(name, wrapped)


def interrupted_in_checkpoint(number: int, signals: list[int]) -> None:
    """Send oneself `signals` when the `number`-th file of a checkpoint is about to be written."""

    def act() -> None:
        for one in signals:
            os.kill(os.getpid(), one)

    before_call("model.checkpoint.write_through", number, act)


def signalled_at_the_end(signals: list[int], place: str) -> None:
    """Send oneself the first of `signals` at an epoch, the second when `place` is called."""

    def send(number: int) -> Callable[[], None]:
        return lambda: os.kill(os.getpid(), number)

    before_call("sweep.execution.driver.Driver.reported", 4, send(signals[0]))
    before_call(place, 1, send(signals[1]))


def greedy(number: int) -> None:
    """Ask for a terabyte at the `number`-th evaluation."""
    import torch

    before_call("model.training.Training.evaluate", number, lambda: torch.empty(2**40, dtype=torch.uint8) and None)


def small_object_store(mebibytes: int) -> None:
    """Let Ray's object store be of that size."""
    PATCH.setattr("sweep.execution.ray_backend.executor.OBJECT_STORE_BYTES", mebibytes * 2**20)
