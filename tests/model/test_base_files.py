"""Where bases are found, without loading any. (What a hub gives and refuses: test_bases.py.)"""

from pathlib import Path

import pytest

from model.base_files import BaseError, find_base
from tests.model.folders import random_model, write_base


def test_the_hash_follows_weights_configuration_and_vocabulary(folder: Path, tmp_path: Path) -> None:
    first = find_base(str(folder)).sha256
    assert find_base(str(write_base(tmp_path / "same"))).sha256 == first
    other = write_base(tmp_path / "other", random_model(seed=1, gain=1))
    assert find_base(str(other)).sha256 != first
    (folder / "tokenizer.json").write_text((folder / "tokenizer.json").read_text() + " ")
    assert find_base(str(folder)).sha256 != first


@pytest.mark.parametrize(
    ("name", "revision", "message"),
    [
        ("gpt2-larg", None, "did you mean gpt2-large"),
        ("tin", None, "did you mean tiny"),
        ("zzz", None, "Known: tiny, gpt2"),
        ("./nowhere", None, "nowhere is not a checkpoint folder"),
        ("a/b/c", None, "unknown base 'a/b/c'"),
        ("tiny", "main", "revision 'main' has no meaning for base 'tiny'"),
    ],
)
def test_an_unknown_base_is_named(name: str, revision: str | None, message: str) -> None:
    with pytest.raises(BaseError, match=message):
        find_base(name, revision)
