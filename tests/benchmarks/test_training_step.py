"""The training benchmark: both sides train the same weights."""

from typing import Any

import pytest

from benchmarks import training_step
from model.gpt2_config import GPT2Config


@pytest.fixture
def micro_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    config = GPT2Config(vocab_size=50, n_positions=200, n_embd=12, n_layer=1, n_head=2, eos_token_id=49)
    monkeypatch.setattr(training_step, "SHAPES", {"micro": config})
    monkeypatch.setattr(training_step, "PAIRS", {"micro": 2})


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft calls transformers so
@pytest.mark.usefixtures("micro_shape")
def test_benchmark_prints_a_row_for_each_method(capsys: Any) -> None:
    training_step.main()
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[:2] for row in rows[2:]] == [["micro", "all"], ["micro", "LoRA"]]
    assert all(float(row.split()[-1]) > 0 for row in rows[2:])
