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
def steps(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Collect the steps that were made: by whom, whether with LoRA, and in which precision."""
    made = []

    def maker(side: str) -> Any:
        return lambda config, ids, lora, dtype: made.append((side, ids.shape, config.attn_pdrop, lora, dtype))

    for side in ("ours", "theirs"):
        monkeypatch.setattr(precision, side, maker(side))
    monkeypatch.setattr(precision, "compare", lambda one, other, pairs: [(1.0, 2.0)] * pairs)
    return made


def test_lines_of_the_table(steps: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "bf16_instructions", lambda device: "amx_bf16")
    lines = list(precision.measure())
    assert [(one.row, one.target, one.pairs) for one in lines] == [
        *[(3, 0.45, 5)] * 2,
        *[(3, 0.85, 5)] * 2,
        *[(4, 0.72, 31)] * 2,
    ]
    assert lines[3].work == "training step, gpt2, LoRA: bf16 against transformers + peft in autocast"
    half = torch.bfloat16
    assert steps[:2] == [("ours", (8, 160), 0.1, False, half), ("ours", (8, 160), 0.1, False, None)]
    assert steps[6:8] == [("ours", (8, 160), 0.1, True, half), ("theirs", (8, 160), 0.1, True, half)]
    assert steps[8:10] == [("ours", (8, 198), 0.0, False, half), ("ours", (8, 198), 0.0, False, None)]


def test_lines_are_skipped_without_bf16_instructions(steps: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "bf16_instructions", lambda device: None)
    lines = [*precision.gpt2(), *precision.tiny()]
    assert [one.pairs for one in lines] == [0] * 6
    assert {one.note for one in lines} == {"this processor has no bf16 instructions"}
    assert not steps


def test_it_prints_the_gain_in_each_kind_of_work(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(precision, "BATCHES", {"tiny": (2, 8)})
    monkeypatch.setattr(precision, "PAIRS", {"tiny": 3})
    precision.main()
    rows = capsys.readouterr().out.splitlines()
    work = ["step, LoRA", "step, all", *decoding.DECODINGS]
    assert [row[7:19].strip() for row in rows[2:]] == work
    assert all(float(row[19:].split()[2]) > 0 for row in rows[2:])
