"""Atomic checkpoints: safetensors and JSON files, verified by a manifest of SHA-256 hashes.

    <parent>/<epoch>/   model.safetensors  optimizer.safetensors  state.json  manifest.json

A checkpoint is written to a temporary folder, flushed to disk, and renamed to its final path, so a crash never leaves
a partial one there. The manifest is written last, and reading verifies every hash. Nothing is pickled.
"""

import hashlib
import json
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.durable import flush_folder, write_through
from model.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

MANIFEST, STATE = "manifest.json", "state.json"
KEPT = 2  # newest checkpoints kept; the older one is the fallback if the newest is damaged


@dataclass(frozen=True)
class Checkpoint:
    """The content of a checkpoint: named groups of tensors, and JSON-serializable state."""

    tensors: Mapping[str, Mapping[str, "Tensor"]]
    state: Mapping[str, Any]


def write_checkpoint(
    parent: Path, epoch: int, checkpoint: Checkpoint, keep: int | None = KEPT, spare: Collection[int] = ()
) -> Path:
    """Write the checkpoint to `parent`/`epoch`, replacing an existing one, then call `prune`. Return its folder."""
    from safetensors.torch import save  # not at the top: whoever only prunes or repairs needs no torch

    repair(parent)
    place, staged = parent / str(epoch), parent / f".{epoch}.partial"
    made = [folder for folder in (parent, *parent.parents) if not folder.exists()]
    staged.mkdir(parents=True)
    for folder in made:
        flush_folder(folder.parent)
    content = {f"{name}.safetensors": save(dict(group)) for name, group in checkpoint.tensors.items()}
    content[STATE] = json.dumps(checkpoint.state).encode()
    content[MANIFEST] = json.dumps({name: hashlib.sha256(data).hexdigest() for name, data in content.items()}).encode()
    for name, data in content.items():
        write_through(staged / name, data)
    flush_folder(staged)
    if place.exists():
        shutil.rmtree(place)
    staged.rename(place)
    flush_folder(parent)
    prune(parent, keep, spare)
    return place


def repair(parent: Path) -> bool:
    """Clean up partial checkpoints that a crash left under `parent`. Return whether there were any.

    A complete temporary folder whose final path is free is renamed to it: the crash came after the old checkpoint was
    removed and before the new one was renamed. All other temporary folders are removed.
    """
    lefts = list(parent.glob(".*.partial"))
    for left in lefts:
        place = parent / left.name.split(".")[1]
        if not place.exists() and is_whole(left):
            left.rename(place)
        else:
            shutil.rmtree(left, ignore_errors=True)
    return bool(lefts)


def prune(parent: Path, keep: int | None, spare: Collection[int] = ()) -> None:
    """Remove all checkpoints under `parent` except the `keep` newest (None = keep all) and those of epochs in `spare`.

    Symbolic links are kept, because their targets belong to someone else.
    """
    epochs = _epochs(parent)
    for old in epochs[: len(epochs) - keep] if keep is not None else ():
        if old not in spare and not (parent / str(old)).is_symlink():
            shutil.rmtree(parent / str(old))


def strip(folder: Path) -> None:
    """Remove the optimizer from the checkpoint in `folder`. The model stays, but training can no longer be resumed."""
    checkpoint = read_checkpoint(folder)
    if not checkpoint.tensors["optimizer"]:
        return
    kept = {"model": checkpoint.tensors["model"], "optimizer": {}}
    write_checkpoint(folder.parent, int(folder.name), Checkpoint(kept, checkpoint.state), keep=None)


def read_checkpoint(folder: Path) -> Checkpoint:
    """Return the checkpoint in `folder`. Raise CheckpointError if a file is missing or its hash does not match."""
    from safetensors.torch import load

    try:
        hashes = json.loads((folder / MANIFEST).read_bytes())
        content = {name: (folder / name).read_bytes() for name in hashes}
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder} is not a complete checkpoint: {error}") from error
    for name, data in content.items():
        if hashlib.sha256(data).hexdigest() != hashes[name]:
            raise CheckpointError(f"{folder / name} is damaged: its hash differs from the manifest")
    state = json.loads(content.pop(STATE))
    return Checkpoint({name.removesuffix(".safetensors"): load(data) for name, data in content.items()}, state)


def newest_checkpoint(parent: Path) -> Path | None:
    """Return the newest undamaged checkpoint under `parent`, or None if there is none."""
    return next((place for epoch in reversed(_epochs(parent)) if is_whole(place := parent / str(epoch))), None)


def is_whole(folder: Path) -> bool:
    """Return whether `folder` is a complete, undamaged checkpoint."""
    try:
        read_checkpoint(folder)
    except CheckpointError:
        return False
    return True


def _epochs(parent: Path) -> list[int]:
    return sorted(int(path.name) for path in parent.glob("*") if path.name.isdigit())
