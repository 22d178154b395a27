"""Finding base models without loading them. Hub downloads are tested in test_bases.py."""

from pathlib import Path

import pytest

from model.errors import BaseError
from model.pretrained.files import TINY, find_base, is_folder
from tests.model.folders import random_model, write_base, write_vocabulary_pair


def test_hash_covers_weights_configuration_and_vocabulary(folder: Path, tmp_path: Path) -> None:
    first = find_base(str(folder)).sha256
    assert find_base(str(write_base(tmp_path / "same"))).sha256 == first
    other = write_base(tmp_path / "other", random_model(seed=1, gain=1))
    assert find_base(str(other)).sha256 != first
    (folder / "tokenizer.json").write_text((folder / "tokenizer.json").read_text() + " ")
    assert find_base(str(folder)).sha256 != first


@pytest.mark.parametrize(
    ("name", "revision", "message"),
    [
        ("gpt2-larg", None, "did you mean 'gpt2-large'"),
        ("tin", None, "did you mean 'tiny'"),
        ("zzz", None, "Known: tiny, gpt2"),
        ("./nowhere", None, "nowhere is not a checkpoint folder"),
        ("a/b/c", None, "unknown base 'a/b/c'"),
        ("tiny", "main", "revision 'main' has no meaning for base 'tiny'"),
    ],
)
def test_an_unknown_base_is_named(name: str, revision: str | None, message: str) -> None:
    with pytest.raises(BaseError, match=message):
        find_base(name, revision)


def test_the_hash_passes_over_a_vocabulary_that_is_not_read(folder: Path) -> None:
    """The cache of a hub is shared: other programs put their forms of the same vocabulary beside ours."""
    first = find_base(str(folder)).sha256
    (folder / "vocab.json").write_text("{}")
    (folder / "merges.txt").write_text("")
    assert find_base(str(folder)).sha256 == first


def test_the_hash_follows_a_pair_of_vocabulary_files(folder: Path) -> None:
    write_vocabulary_pair(folder)
    first = find_base(str(folder)).sha256
    (folder / "merges.txt").write_text((folder / "merges.txt").read_text() + "\n")
    assert find_base(str(folder)).sha256 != first


def test_a_folder_called_tiny_is_not_the_shipped_base(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.rename(tmp_path / "tiny")
    monkeypatch.chdir(tmp_path)
    assert not is_folder("tiny")
    assert find_base("tiny").folder == TINY
    assert is_folder("./tiny")
    assert find_base("./tiny").folder == Path("tiny")
