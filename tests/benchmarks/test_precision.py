"""The benchmark of bf16: a row for each step and decoding."""

from typing import Any

import pytest

from benchmarks import decoding, precision
from model.gpt2_config import GPT2Config
from tests.model.folders import random_model


@pytest.fixture
def micro_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    config = GPT2Config(vocab_size=50, n_positions=200, n_embd=12, n_layer=1, n_head=2, eos_token_id=49)
    monkeypatch.setattr(precision, "SHAPES", {"micro": config})
    monkeypatch.setattr(precision, "BATCHES", {"micro": (2, 8)})
    monkeypatch.setattr(precision, "DROPOUT", {"micro": 0.1})
    monkeypatch.setattr(precision, "PAIRS", {"micro": 3})
    monkeypatch.setattr(decoding, "MODELS", {"micro": random_model})
    monkeypatch.setattr(decoding, "NEW", 4)


@pytest.mark.usefixtures("micro_shape")
def test_it_prints_a_row_for_each_kind_of_work(capsys: Any) -> None:
    precision.main()
    rows = capsys.readouterr().out.splitlines()
    work = ["step, LoRA", "step, all", *decoding.DECODINGS]
    assert [row[7:19].strip() for row in rows[2:]] == work
    assert all(float(row[19:].split()[2]) > 0 for row in rows[2:])
