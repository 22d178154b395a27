"""The registry of PEFT methods: forecasts match the trained tensors, and the base is not changed."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

from model.config import TrainConfig
from model.gpt2 import GPT2
from model.methods.registry import METHODS
from model.methods.settings import LoRAConfig
from model.process_cache import cached_base
from model.rng import generator
from model.settings import Settings
from model.specs import PEFTSpec
from model.training import Training

CPU = torch.device("cpu")


def test_lora_trained_shapes_match_the_forecast() -> None:
    training = Training(TrainConfig(lora=LoRAConfig(rank=3)), CPU)
    shapes = [tuple(parameter.shape) for parameter in training.trainable.values()]
    assert shapes == METHODS["lora"].trained_shapes(LoRAConfig(rank=3), training.model.config)


def test_lora_merges() -> None:
    model = Training(TrainConfig(lora=LoRAConfig(rank=3)), CPU).model.eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("lora_B"):
                parameter.normal_(generator=generator(0, "test"))
    ids = torch.tensor([[5, 9, 2]])
    with torch.no_grad():
        before = model(ids)
        METHODS["lora"].merge(model)
        after = model(ids)
    assert not torch.equal(before, after)
    torch.testing.assert_close(before, after, atol=1e-3, rtol=1e-3)


@dataclass(frozen=True, kw_only=True)
class NoSettings(Settings):
    """Nothing to set."""

    prefix: ClassVar[str] = "last_norm."


def train_last_norm(model: GPT2, settings: NoSettings, seed: int) -> None:
    model.transformer.ln_f.requires_grad_(True)


def test_registered_method_may_train_base_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = PEFTSpec(
        settings=NoSettings,
        apply=train_last_norm,
        merge=lambda model: None,
        trained_shapes=lambda settings, base: [(base.n_embd,)] * 2,
    )
    monkeypatch.setitem(METHODS, "last_norm", spec)
    config = TrainConfig(peft="last_norm", epochs=1, batch_size=64, lr=0.1)
    own = cached_base("tiny", None).state["transformer.ln_f.weight"]
    before = own.clone()
    training = Training(config, CPU)
    assert list(training.trainable) == ["transformer.ln_f.weight", "transformer.ln_f.bias"]
    training.run_epoch()
    assert not torch.equal(training.model.transformer.ln_f.weight, before)
    assert torch.equal(own, before)
