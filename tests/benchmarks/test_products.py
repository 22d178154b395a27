"""The benchmark of oneDNN: one side uses it, the other does not."""

from typing import Any

import pytest
import torch

from benchmarks import decoding, products, training_step
from model import products as multiplication
from model.gpt2_config import GPT2Config
from model.products import linear
from tests.model.folders import random_model

MICRO = GPT2Config(vocab_size=50, n_positions=200, n_embd=12, n_layer=1, n_head=2, eos_token_id=49)


def test_it_prints_a_row_for_each_run(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(training_step, "SHAPES", {"gpt2": MICRO})
    monkeypatch.setattr(decoding, "MODELS", {"gpt2": random_model})
    monkeypatch.setattr(products, "NEW", 4)
    products.main()
    rows = capsys.readouterr().out.splitlines()[2:]
    named = ["step, all weights", "step, LoRA", "decoding, top-p", "decoding, 5 beams"]
    assert [row[:18].strip() for row in rows] == named
    assert all(float(row[18:].split()[2]) > 0 for row in rows)


def test_only_one_side_uses_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiplication, "LARGE", 1)
    monkeypatch.setattr(multiplication, "onednn_is_faster", lambda: True)
    used = list[torch.Size]()
    monkeypatch.setattr(multiplication, "_onednn", lambda x, weight, bias: used.append(x.shape) or x @ weight.T)
    run = lambda: linear(torch.ones(2, 3), torch.ones(4, 3))  # noqa: E731
    run()
    assert len(used) == 1
    products.with_mkl(run)()
    assert len(used) == 1
    assert torch.backends.mkldnn.enabled
