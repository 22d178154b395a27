"""Fixtures for labelled tasks: the shipped vocabulary, a small model with it, and data files."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from model.gpt2 import GPT2
from model.gpt2_config import GPT2Config
from model.pretrained.files import TINY
from model.pretrained.tokenizer import Tokenizer
from tests.model.folders import random_model

Write = Callable[..., Path]


@pytest.fixture(scope="session")
def tiny_tokenizer() -> Tokenizer:
    """The vocabulary of `tiny`, in which yes and no are tokens."""
    return Tokenizer.from_folder(TINY)


@pytest.fixture
def wide_model() -> GPT2:
    """A loud model of `tiny_tokenizer`'s vocabulary, in evaluation mode."""
    return random_model(GPT2Config(vocab_size=3072, n_positions=256, n_embd=24, n_layer=2, n_head=3, eos_token_id=3071))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """write(name, header, *rows): a table with tabs between its cells."""

    def table(name: str, *rows: Sequence[object]) -> Path:
        path = tmp_path / name
        path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
        return path

    return table
