"""The benchmark of bf16: a row for each step and decoding."""

from typing import Any

import pytest
import torch

from benchmarks import decoding, precision
from model.gpt2_config import GPT2Config
from tests.model.folders import random_model

MICRO = GPT2Config(vocab_size=50, n_positions=200, n_embd=12, n_layer=1, n_head=2, eos_token_id=49)


@pytest.fixture(autouse=True)
def micro_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "SHAPES", {"tiny": MICRO, "gpt2": MICRO})
    monkeypatch.setattr(decoding, "MODELS", {"tiny": random_model})
    monkeypatch.setattr(decoding, "NEW", 4)


@pytest.fixture
def sides(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Collect the sides that are timed: by whom, batch, dropout, whether with LoRA, and precision."""
    timed = []

    def maker(side: str) -> Any:
        return lambda config, ids, lora, dtype: (side, tuple(ids.shape), config.attn_pdrop, lora, dtype)

    def rounds(runs: Any, count: int, warm_up: bool = True) -> list[tuple[float, ...]]:
        timed.append(list(runs))
        return [tuple(range(1, len(runs) + 1))] * count

    for side in ("ours", "theirs"):
        monkeypatch.setattr(precision, side, maker(side))
    monkeypatch.setattr(precision, "rounds", rounds)
    monkeypatch.setattr(precision, "compare", lambda one, other, pairs: rounds([one, other], pairs))
    return timed


def test_lines_of_gpt2(sides: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "bf16_instructions", lambda device: "amx_bf16")
    lines = list(precision.gpt2())
    assert [(one.row, one.target, one.pairs) for one in lines[:3]] == [(3, 0.85, 5), (3, 0.45, 5), (3, 0.85, 5)]
    assert [one.figure for one in lines[:3]] == [1 / 2, 3 / 1, 3 / 4]
    assert lines[3].work == "training step, gpt2, LoRA: fp32 against transformers + peft"
    assert lines[5].work == "training step, gpt2, LoRA: bf16 against transformers + peft in autocast"
    of_gpt2 = [(side, (8, 160), 0.1) for side in ("ours", "theirs", "ours", "theirs")]
    precisions = [None, None, torch.bfloat16, torch.bfloat16]
    assert sides == [
        [(*side, lora, dtype) for side, dtype in zip(of_gpt2, precisions, strict=True)] for lora in (False, True)
    ]


def test_lines_of_tiny(sides: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "bf16_instructions", lambda device: "amx_bf16")
    lines = list(precision.tiny())
    assert [(one.row, one.target, one.pairs, one.figure) for one in lines] == [(4, 0.72, 31, 1 / 2)] * 2
    assert sides[0] == [("ours", (8, 198), 0.0, False, torch.bfloat16), ("ours", (8, 198), 0.0, False, None)]


def test_lines_are_skipped_without_bf16_instructions(sides: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "bf16_instructions", lambda device: None)
    lines = [*precision.gpt2(), *precision.tiny()]
    skipped = [one for one in lines if "bf16 against" in one.work]
    assert [one.pairs for one in skipped] == [0] * 6
    assert {one.note for one in skipped} == {"this processor has no bf16 instructions"}
    assert {dtype for runs in sides for *_, dtype in runs} == {None}


def test_it_prints_the_gain_in_each_kind_of_work(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(precision, "BATCHES", {"tiny": (2, 8)})
    monkeypatch.setattr(precision, "PAIRS", {"tiny": 3})
    precision.main()
    rows = capsys.readouterr().out.splitlines()
    work = ["step, LoRA", "step, all", *decoding.DECODINGS]
    assert [row[7:19].strip() for row in rows[2:]] == work
    assert all(float(row[19:].split()[2]) > 0 for row in rows[2:])
