"""The training benchmark: both sides train the same weights."""

from typing import Any

import pytest
import torch

from benchmarks import training_step
from benchmarks.training_step import ours, random_ids, theirs
from model.gpt2_config import GPT2Config

MICRO = GPT2Config(vocab_size=50, n_positions=200, n_embd=12, n_layer=1, n_head=2, eos_token_id=49)


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Run each step once on a micro shape instead of timing it; return which pairs of steps were compared."""
    compared = []

    def compare(one: Any, other: Any, pairs: int) -> list[tuple[float, float]]:
        one()
        other()
        compared.append((one.__qualname__.split(".")[0], other.__qualname__.split(".")[0], pairs))
        return [(1.0, 2.0)] * pairs

    monkeypatch.setattr(training_step, "compare", compare)
    monkeypatch.setattr(training_step, "SHAPES", {"tiny": MICRO, "gpt2": MICRO})
    return compared


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft calls transformers so
def test_lines_of_the_table(timed: list[Any]) -> None:
    lines = list(training_step.tiny())
    assert [(one.row, one.target) for one in lines] == [(4, 0.65), (4, 0.65)]
    assert lines[1].work == "training step, tiny, LoRA: fp32 against transformers + peft"
    assert lines[0].note == "1 s against 2 s"
    assert timed == [("ours", "theirs", 31)] * 2


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
@pytest.mark.parametrize("lora", [False, True])
def test_the_peer_computes_in_bf16_only_if_asked(lora: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    entered = []
    autocast = torch.autocast

    def watched(device: str, dtype: torch.dtype | None, enabled: bool) -> Any:
        entered.append((device, dtype, enabled))
        return autocast(device, dtype, enabled=enabled)

    monkeypatch.setattr(torch, "autocast", watched)
    theirs(MICRO, random_ids(MICRO), lora)()
    theirs(MICRO, random_ids(MICRO), lora, torch.bfloat16)()
    assert [(dtype, enabled) for _, dtype, enabled in entered] == [(None, False), (torch.bfloat16, True)]


def test_our_step_trains() -> None:
    ids = random_ids(MICRO, 2, 9)
    assert ids.shape == (2, 9)
    ours(MICRO, ids, lora=False)()
