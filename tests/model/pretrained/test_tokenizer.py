"""Tokenizers: GPT-2's own vocabulary if it is available, and the shipped one."""

from pathlib import Path

import pytest
from transformers import GPT2Tokenizer

from model.pretrained.tokenizer import Tokenizer

RELEASED = Path(__file__).parents[4] / "shared" / "data" / "gpt2-bpe"
TEXTS = ["Shall I compare thee to a summer's day?", " yes\n no\n\n  two", "na\u00efve \u2014 \U0001f339", "", "x" * 50]


@pytest.fixture(scope="module")
def gpt2() -> Tokenizer:
    if not RELEASED.is_dir():
        pytest.skip("GPT-2's vocabulary does not lie beside the project")
    return Tokenizer.from_folder(RELEASED)


def test_the_answers_have_their_ids(gpt2: Tokenizer) -> None:
    assert gpt2.encode("yes") == [8505]
    assert gpt2.encode("no") == [3919]
    assert gpt2.eos_id == 50256
    assert gpt2.vocab_size == 50257


@pytest.mark.parametrize("text", TEXTS)
def test_ids_equal_those_of_transformers(gpt2: Tokenizer, text: str) -> None:
    theirs = GPT2Tokenizer(vocab=str(RELEASED / "encoder.json"), merges=str(RELEASED / "vocab.bpe"))
    assert gpt2.encode(text) == theirs.encode(text)


@pytest.mark.parametrize("text", TEXTS)
def test_text_comes_back(small_tokenizer: Tokenizer, text: str) -> None:
    assert small_tokenizer.decode(small_tokenizer.encode(text)) == text


def test_end_of_text_decodes_to_nothing(small_tokenizer: Tokenizer) -> None:
    assert small_tokenizer.decode([*small_tokenizer.encode("rose"), small_tokenizer.eos_id]) == "rose"


def test_a_folder_without_a_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        Tokenizer.from_folder(tmp_path)


def test_a_damaged_tokenizer_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ValueError, match="damaged tokenizer"):
        Tokenizer.from_folder(tmp_path)


def test_a_vocabulary_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text('{"a": 0}')
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    with pytest.raises(ValueError, match="not a GPT-2 tokenizer"):
        Tokenizer.from_folder(tmp_path)
