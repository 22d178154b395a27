"""Training and decoding on a pretended GPU: the CPU's numbers, no mixed devices, and few waits."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from model import loss
from model.config import DecodeConfig, LoRAConfig, SMARTConfig, TrainConfig
from model.decoding.generate import generate_draws
from model.optim.settings import SOAPSettings
from model.training import Training
from tests.pretended_gpu import pretended_gpu

Make = Callable[[torch.device, dict[str, Any]], Training]
GPU, CPU = torch.device("cuda"), torch.device("cpu")
TRAININGS: dict[str, dict[str, Any]] = {
    "full": {"dropout": 0.0},
    "dropout": {},
    "lora": {"lora": LoRAConfig(rank=4, dropout=0.1)},
    "soap": {"optimizer": "soap", "optimizer_settings": SOAPSettings(precondition_frequency=3)},  # in the second epoch
    "bf16": {"precision": "bf16"},
    "bf16 lora": {"precision": "bf16", "lora": LoRAConfig(rank=4, dropout=0.1)},
    "library": {"smart": SMARTConfig(lam=0.1, variant="library")},
    "custom": {"smart": SMARTConfig(lam=0.1, variant="custom")},
    "paper": {"smart": SMARTConfig(lam=0.1, variant="paper")},
    "bregman": {"smart": SMARTConfig(bregman_mu=0.1)},
    "sentiment": {"task": "sentiment"},
    "frozen": {"task": "sentiment", "freeze": "base"},
    **{task: {"task": task} for task in ("paraphrase", "classification", "pairs", "completion", "text")},
}
DECODINGS = (
    {},
    {"top_p": 0.9},
    {"top_k": 5},
    {"beams": 4},
    {"beams": 4, "top_p": 0.9},
    {"generations": 3, "top_p": 0.9},
    {"repeats": 3},
    {"max_lines": 3},
)


@pytest.fixture(autouse=True)
def equal_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sum losses in the order of a CPU, so that numbers are equal to the last bit."""
    monkeypatch.setattr(loss, "GPU_SLICE", loss.SLICE)


@pytest.fixture
def training(tiny_config: TrainConfig) -> Make:
    """Make a training with three steps an epoch: on small poems, or on a part of the shipped data of another task.

    On the CPU, too, its batches are padded as on a GPU.
    """

    def make(device: torch.device, settings: dict[str, Any]) -> Training:
        if "task" not in settings:
            config = replace(tiny_config, epochs=2, **settings)
        else:
            config = TrainConfig(**{"epochs": 2, "batch_size": 4, "dropout": 0.1, **settings})
        made = Training(config, device)
        made.has_few_shapes = config.smart is None
        if "task" not in settings:
            return made
        made.task = copy.copy(made.task)
        made.task.size = lambda split: 12 if split == "train" else 4  # type: ignore[method-assign]
        return made

    return make


@pytest.mark.parametrize("name", TRAININGS)
def test_training_and_resume_equal_the_cpu(name: str, training: Make, tmp_path: Path) -> None:
    settings = TRAININGS[name]
    expected = training(CPU, settings)
    reports = [expected.run_epoch() for _ in range(expected.config.epochs)]
    with pretended_gpu():
        there = training(GPU, settings)
        for report in reports[:-1]:
            assert there.run_epoch().scalars() | {"train_seconds": 0} == report.scalars() | {"train_seconds": 0}
        resumed = training(GPU, settings)
        resumed.load(there.save(tmp_path))
        assert resumed.run_epoch().dev_loss == reports[-1].dev_loss


@pytest.mark.parametrize("name", [name for name in TRAININGS if name != "soap"])
def test_a_step_waits_for_nothing(name: str, training: Make) -> None:
    """An epoch waits twice, to read its losses, however many steps it has; its batches are sent from pinned memory."""
    with pretended_gpu() as gpu:
        there = training(GPU, TRAININGS[name])
        gpu.reset()
        there.run_epoch()
        assert (gpu.syncs.total(), gpu.copies.total()) == (2, 0)
        # The tokens, targets and positions of each batch; and which positions count, if it is padded.
        assert gpu.uploads == 3 * (4 if there.has_few_shapes else 3) + 3


def test_soap_waits_only_to_decompose(training: Make) -> None:
    with pretended_gpu() as gpu:
        there = training(GPU, {"optimizer": "soap"})
        there.run_epoch()
        gpu.reset()
        there.run_epoch()
        assert (gpu.syncs.total(), gpu.copies.total()) == (2, 0)


@pytest.mark.parametrize("settings", DECODINGS, ids=str)
def test_decoding_equals_the_cpu_and_waits_once_a_token(settings: dict[str, Any], training: Make) -> None:
    decode, prompts, length = DecodeConfig(max_new_tokens=20, **settings), ["the rose of summer", "love"], 20

    def texts(device: torch.device, decode: DecodeConfig) -> list[list[str]]:
        made = training(device, {})
        return generate_draws(made.model, made.tokenizer, prompts, decode, seed=1)

    expected = texts(CPU, decode)
    with pretended_gpu() as gpu:
        made = training(GPU, {})
        gpu.reset()
        assert generate_draws(made.model, made.tokenizer, prompts, decode, seed=1) == expected
        whole = gpu.syncs.total(), gpu.copies.total()
        gpu.reset()
        generate_draws(made.model, made.tokenizer, prompts, replace(decode, max_new_tokens=length // 2), seed=1)
        assert whole[0] - gpu.syncs.total() <= length // 2 * (2 if decode.repeats else 1)
        assert whole[1] == gpu.copies.total()
