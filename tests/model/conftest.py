"""Fixtures for the tests of `model/`: a base and sonnets on which training takes milliseconds."""

from pathlib import Path

import pytest

from model.config import TrainConfig
from model.gpt2 import GPT2
from model.pretrained.tokenizer import Tokenizer
from tests.model.folders import byte_level_bpe, random_model, sonnets_text, write_base


@pytest.fixture(scope="session")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder of a GPT-2 with 300 tokens and 256 positions."""
    return write_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def sonnets_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve short poems: 10 to train on, one for development, one for testing."""
    path = tmp_path_factory.mktemp("data") / "sonnets.txt"
    path.write_text(sonnets_text())
    return path


@pytest.fixture
def tiny_config(base_folder: Path, sonnets_file: Path) -> TrainConfig:
    """A training that takes milliseconds, with dropout everywhere."""
    return TrainConfig(base=str(base_folder), data=str(sonnets_file), epochs=3, batch_size=4, dropout=0.1)


@pytest.fixture(scope="session")
def small_tokenizer() -> Tokenizer:
    """The tokenizer of `base_folder`."""
    return Tokenizer(byte_level_bpe())


@pytest.fixture
def loud_model() -> GPT2:
    """A model of `small_tokenizer`'s vocabulary whose next-token distributions are far from uniform."""
    return random_model()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small base of random weights."""
    return write_base(tmp_path / "base")
