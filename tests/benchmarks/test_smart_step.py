"""The SMART benchmark: it prints a ratio for each shape, task and method."""

from typing import Any

import pytest

from benchmarks import smart_step
from model.gpt2_config import GPT2Config
from model.loss import IGNORE


@pytest.fixture
def micro_shape(monkeypatch: pytest.MonkeyPatch) -> GPT2Config:
    config = GPT2Config(vocab_size=50, n_positions=200, n_embd=12, n_layer=1, n_head=2, eos_token_id=49)
    monkeypatch.setattr(smart_step, "SHAPES", {"micro": config})
    monkeypatch.setattr(smart_step, "PAIRS", {"micro": 2})
    return config


def test_it_prints_every_row(micro_shape: GPT2Config, capsys: Any) -> None:
    smart_step.main()
    rows = [row.split() for row in capsys.readouterr().out.splitlines()[2:]]
    assert [row[1:3] for row in rows] == [[t, m] for t in ("language", "cloze") for m in ("all", "LoRA")]
    assert all(float(row[-1]) > 0 for row in rows)


def test_cloze_has_one_target_per_sequence(micro_shape: GPT2Config) -> None:
    batch = smart_step.batch_of(micro_shape, cloze=True)
    assert (batch.targets != IGNORE).sum(1).tolist() == [1] * smart_step.BATCH
