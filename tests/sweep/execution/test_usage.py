"""Threads and memory of the process that runs a trial."""

import gc
import resource
from pathlib import Path

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


def test_the_peak_sees_memory_that_is_gone_again() -> None:
    cpu, size = torch.device("cpu"), 64 * 2**20
    gc.collect()
    reset_peak_memory(cpu)
    block = torch.ones(size, dtype=torch.uint8)
    with_block = resident_bytes()
    del block
    assert resident_bytes() < with_block - 0.9 * size
    assert peak_memory_bytes(cpu) > with_block - 0.1 * size


def resident_bytes() -> int:
    """The memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_peak_memory_has_a_fallback(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    nowhere = tmp_path_factory.mktemp("proc") / "absent"
    monkeypatch.setattr("sweep.execution.usage.STATUS", nowhere)
    monkeypatch.setattr("sweep.execution.usage.CLEAR_REFS", nowhere / "absent")
    reset_peak_memory(torch.device("cpu"))
    assert 10 * 2**20 < peak_memory_bytes(torch.device("cpu")) < 2**40
