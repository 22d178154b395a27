"""The per-process cache: bases and data are loaded once, and again if their files change."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model import process_cache
from model.pretrained.bases import Base, load_base
from model.pretrained.files import BaseFiles
from tests.model.folders import random_model, sonnets_text, write_base


@pytest.fixture(autouse=True)
def _cold() -> None:
    """Nothing is warm from another test."""
    process_cache._base.cache_clear()
    process_cache._task.cache_clear()


def touch(path: Path) -> None:
    """Let `path` look younger than it is: file systems keep time coarsely."""
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 10**9))


def test_a_base_is_loaded_once_until_its_weights_change(tmp_path: Path) -> None:
    folder = write_base(tmp_path / "base")
    first = process_cache.cached_base(str(folder), None)
    assert process_cache.cached_base(str(folder), None) is first
    write_base(folder, random_model(seed=1, gain=1))
    touch(folder / "model.safetensors")
    second = process_cache.cached_base(str(folder), None)
    name = "transformer.wte.weight"
    assert not torch.equal(second.state[name], first.state[name])


def test_data_is_tokenized_once_until_it_changes(base_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "sonnets.txt"
    path.write_text(sonnets_text(12))
    base = process_cache.cached_base(str(base_folder), None)
    first = process_cache.cached_task("sonnets", str(path), base)
    assert process_cache.cached_task("sonnets", str(path), base) is first
    path.write_text(sonnets_text(6))
    touch(path)
    assert process_cache.cached_task("sonnets", str(path), base).size("train") == 4


def test_hub_base_is_loaded_once_for_model_and_data(
    base_folder: Path, sonnets_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub's base is asked for by name and found at a commit."""
    loads: list[str | None] = []

    def find(name: str, revision: str | None) -> BaseFiles:
        return BaseFiles(name, base_folder, revision or "a" * 40)

    def load(name: str, revision: str | None) -> Base:
        loads.append(revision)
        return replace(load_base(str(base_folder)), files=find(name, revision))

    monkeypatch.setattr(process_cache, "find_base", find)
    monkeypatch.setattr(process_cache, "load_base", load)
    base = process_cache.cached_base("owner/name", None)
    process_cache.cached_task("sonnets", str(sonnets_file), base)
    assert loads == ["a" * 40]
