"""Checkpoints: whole or absent."""

from pathlib import Path

import pytest
import torch

from model.checkpoint import Checkpoint, CheckpointError, newest_checkpoint, read_checkpoint, write_checkpoint

FILES = ["model.safetensors", "optimizer.safetensors", "state.json", "manifest.json"]


def checkpoint(value: float) -> Checkpoint:
    tensors = {"model": {"w": torch.full((2, 3), value)}, "optimizer": {"0.m": torch.tensor(value)}}
    return Checkpoint(tensors, {"epoch": int(value), "text": "\u00fc"})


def test_it_comes_back(tmp_path: Path) -> None:
    read = read_checkpoint(write_checkpoint(tmp_path, 1, checkpoint(1.5)))
    assert torch.equal(read.tensors["model"]["w"], torch.full((2, 3), 1.5))
    assert torch.equal(read.tensors["optimizer"]["0.m"], torch.tensor(1.5))
    assert read.state == {"epoch": 1, "text": "\u00fc"}


def test_the_two_newest_are_kept_in_the_order_of_numbers(tmp_path: Path) -> None:
    for epoch in (8, 9, 10, 11):
        write_checkpoint(tmp_path, epoch, checkpoint(epoch))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["10", "11"]
    assert newest_checkpoint(tmp_path) == tmp_path / "11"


def test_only_the_last_can_be_kept(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, 1, checkpoint(1))
    write_checkpoint(tmp_path, 2, checkpoint(2), keep=1)
    assert [path.name for path in tmp_path.iterdir()] == ["2"]


def test_the_same_epoch_is_replaced(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, 1, checkpoint(1))
    write_checkpoint(tmp_path, 1, checkpoint(2))
    assert read_checkpoint(tmp_path / "1").state["epoch"] == 2


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
def test_one_changed_byte_in_any_file_is_noticed(tmp_path: Path, name: str, place: float) -> None:
    write_checkpoint(tmp_path, 1, checkpoint(1))
    write_checkpoint(tmp_path, 2, checkpoint(2))
    path = tmp_path / "2" / name
    data = bytearray(path.read_bytes())
    data[int(place * (len(data) - 1))] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError):
        read_checkpoint(tmp_path / "2")
    assert newest_checkpoint(tmp_path) == tmp_path / "1"


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_noticed(tmp_path: Path, name: str) -> None:
    (write_checkpoint(tmp_path, 1, checkpoint(1)) / name).unlink()
    with pytest.raises(CheckpointError, match="not a whole checkpoint"):
        read_checkpoint(tmp_path / "1")
    assert newest_checkpoint(tmp_path) is None


def test_what_a_crash_left_half_written_is_no_checkpoint_and_is_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(tmp_path, 1, checkpoint(1))

    def crash(descriptor: int) -> None:
        raise OSError("crash")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", crash)
        with pytest.raises(OSError, match="crash"):
            write_checkpoint(tmp_path, 2, checkpoint(2))
    assert newest_checkpoint(tmp_path) == tmp_path / "1"
    write_checkpoint(tmp_path, 2, checkpoint(2))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]


def test_no_folder_no_checkpoint(tmp_path: Path) -> None:
    assert newest_checkpoint(tmp_path / "nothing") is None
