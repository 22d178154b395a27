"""Threads and memory of the process that runs a trial."""

import subprocess
import sys

import pytest
import torch

from sweep.execution.usage import peak_memory_bytes, reset_peak_memory, threads


def test_threads_are_restored_after_an_error() -> None:
    before, inside = torch.get_num_threads(), []

    def work() -> None:
        with threads(before + 1):
            inside.append(torch.get_num_threads())
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        work()
    assert inside == [before + 1]
    assert torch.get_num_threads() == before


GROWN = """
import torch
from sweep.execution.usage import peak_memory_bytes, reset_peak_memory
cpu = torch.device("cpu")
reset_peak_memory(cpu)
before = peak_memory_bytes(cpu)
block = torch.ones(64 * 2**20, dtype=torch.uint8)
del block
print(peak_memory_bytes(cpu) - before)
"""


def test_the_peak_sees_memory_that_is_gone_again() -> None:
    """This needs a new process: a large one may take the block from memory that it has kept."""
    done = subprocess.run([sys.executable, "-c", GROWN], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 0.9 * 64 * 2**20


def test_peak_memory_has_a_fallback(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    nowhere = tmp_path_factory.mktemp("proc") / "absent"
    monkeypatch.setattr("sweep.execution.usage.STATUS", nowhere)
    monkeypatch.setattr("sweep.execution.usage.CLEAR_REFS", nowhere / "absent")
    reset_peak_memory(torch.device("cpu"))
    assert 10 * 2**20 < peak_memory_bytes(torch.device("cpu")) < 2**40
