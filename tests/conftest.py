"""Fixtures for all tests. No test connects to another machine."""

import os

import pytest
import torch

# No test may reach a hub by accident; those that test the hub's client point it at a server of their own.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

from model.gpt2 import GPT2
from model.gpt2_config import GPT2Config
from model.rng import generator

torch.set_num_threads(1)  # the models here are so small that a second thread costs more than it brings

SMALL = GPT2Config(vocab_size=97, n_positions=64, n_embd=24, n_layer=2, n_head=3, eos_token_id=96)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chaos", action="store_true", help="try every fault of tests/chaos the full number of times")


@pytest.fixture
def small_config() -> GPT2Config:
    """A GPT-2 that takes milliseconds."""
    return SMALL


@pytest.fixture
def small_model() -> GPT2:
    """Random weights, larger than GPT-2's initial ones so that mistakes show, in evaluation mode."""
    model = GPT2(SMALL)
    model.init_weights(generator(0, "init"))
    for parameter in model.parameters():
        parameter.data.mul_(5)
    return model.eval()


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own settings do not reach a test."""
    for name in list(os.environ):
        if name.startswith("SWEEP_"):
            monkeypatch.delenv(name)
