"""The benchmark of peak memory."""

import pytest

from benchmarks import memory
from benchmarks.training_step import SHAPES
from model.gpt2 import GPT2


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_training_needs_more_than_its_weights(side: str) -> None:
    weights = sum(4 * parameter.numel() for parameter in GPT2(SHAPES["tiny"]).parameters())
    assert weights < memory.in_fresh_process(side, "tiny") < 1e9


PEAKS = {"ours": 3e9, "ours-bf16": 2.5e9, "theirs": 5e9, "theirs-autocast": 4e9}


@pytest.fixture
def peaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "in_fresh_process", lambda side, shape: PEAKS[side])


@pytest.mark.usefixtures("peaks")
def test_peaks_are_compared_with_those_of_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "bf16_instructions", lambda device: "amx_bf16")
    exact, half = memory.measure()
    assert (exact.row, exact.figure, exact.target, exact.passes) == (7, 0.6, 0.75, True)
    assert exact.note == "3000 MB against 5000 MB"
    assert (half.figure, half.target, half.passes) == (0.5, 0.5, True)
    assert half.note == "2500 MB against 5000 MB; the peer in autocast: 4000 MB"


@pytest.mark.usefixtures("peaks")
def test_bf16_is_skipped_without_its_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "bf16_instructions", lambda device: None)
    exact, half = memory.measure()
    assert (exact.pairs, half.pairs) == (1, 0)


def test_a_failing_process_says_why() -> None:
    with pytest.raises(RuntimeError, match="invalid choice: 'nobody'"):
        memory.in_fresh_process("nobody", "tiny")
