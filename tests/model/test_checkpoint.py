"""Checkpoints: atomic writes, hashes, pruning and stripping."""

from pathlib import Path

import pytest
import torch

from model.checkpoint import Checkpoint, newest_checkpoint, prune, read_checkpoint, repair, strip, write_checkpoint
from model.errors import CheckpointError

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
def test_one_changed_byte_is_detected(tmp_path: Path, name: str, place: float) -> None:
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
    with pytest.raises(CheckpointError, match="not a complete checkpoint"):
        read_checkpoint(tmp_path / "1")
    assert newest_checkpoint(tmp_path) is None


def test_partial_checkpoint_after_a_crash_is_ignored_and_removed(
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


@pytest.mark.parametrize("call", ["rmtree", "rename"])
def test_crash_during_replacement_loses_no_checkpoint(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the old one is removed, and between that and the renaming of the new one."""
    write_checkpoint(tmp_path, 1, checkpoint(1))

    def crash(*arguments: object, **named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("model.checkpoint.shutil.rmtree" if call == "rmtree" else "pathlib.Path.rename", crash)
        with pytest.raises(KeyboardInterrupt):
            write_checkpoint(tmp_path, 1, checkpoint(1))
    assert [path.name for path in tmp_path.glob(".*")] == [".1.partial"]
    assert repair(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["1"]
    assert read_checkpoint(tmp_path / "1").state == checkpoint(1).state
    assert not repair(tmp_path)


def test_no_folder_no_checkpoint(tmp_path: Path) -> None:
    assert newest_checkpoint(tmp_path / "nothing") is None


def epochs(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_all_can_be_kept(tmp_path: Path) -> None:
    for epoch in range(1, 5):
        write_checkpoint(tmp_path, epoch, checkpoint(epoch), keep=None)
    assert epochs(tmp_path) == ["1", "2", "3", "4"]


def test_prune_keeps_spared_epochs(tmp_path: Path) -> None:
    for epoch in range(1, 6):
        write_checkpoint(tmp_path, epoch, checkpoint(epoch), keep=1, spare=(2,))
    assert epochs(tmp_path) == ["2", "5"]
    prune(tmp_path, 1)
    assert epochs(tmp_path) == ["5"]
    prune(tmp_path, 0)
    assert epochs(tmp_path) == []
    prune(tmp_path / "nowhere", 1)


def test_prune_keeps_links_and_other_files(tmp_path: Path) -> None:
    parent, moved = tmp_path / "parent", tmp_path / "moved"
    for epoch in (2, 3):
        write_checkpoint(parent, epoch, checkpoint(epoch))
    write_checkpoint(moved, 1, checkpoint(1))
    (parent / "1").symlink_to(moved / "1")
    (parent / "notes").mkdir()
    prune(parent, 1)
    assert epochs(parent) == ["1", "3", "notes"]
    assert read_checkpoint(parent / "1").state == checkpoint(1).state


def test_stripped_checkpoint_keeps_the_model_bit_for_bit(tmp_path: Path) -> None:
    before = checkpoint(3.0)
    full = Checkpoint({"model": before.tensors["model"], "optimizer": {"exp_avg": torch.ones(1000)}}, before.state)
    place = write_checkpoint(tmp_path, 1, full)
    write_checkpoint(tmp_path, 2, full)
    size = (place / "optimizer.safetensors").stat().st_size
    strip(place)
    after = read_checkpoint(place)
    assert after.state == before.state
    assert after.tensors["optimizer"] == {}
    assert all(torch.equal(after.tensors["model"][name], value) for name, value in before.tensors["model"].items())
    assert (place / "optimizer.safetensors").stat().st_size < size / 10
    assert epochs(tmp_path) == ["1", "2"]


def test_damaged_checkpoint_is_not_stripped(tmp_path: Path) -> None:
    place = write_checkpoint(tmp_path, 1, checkpoint(1))
    (place / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match="damaged"):
        strip(place)
    assert (place / "model.safetensors").read_bytes() == b"damaged"
