"""Run folders: safe names, failing disks, and a single writer."""

import json
import multiprocessing
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from sweep.errors import RunError
from sweep.prepare import RunRequest, prepare
from sweep.store.run_folder import RunFolder, check_name, create_run, list_runs, open_run
from sweep.store.run_spec import RunSpec


@pytest.fixture
def spec(micro: Path, out: Path) -> RunSpec:
    return prepare(RunRequest(space=str(micro), out=out)).spec


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "/abs", "a b", "-x", ".hidden", "x" * 65, "a\nb", "ä"])
def test_a_name_that_is_no_plain_file_name_is_refused(name: str) -> None:
    with pytest.raises(RunError, match="run name"):
        check_name(name)


def test_a_spec_comes_back_from_disk(spec: RunSpec, out: Path) -> None:
    folder = create_run(out, "one", spec, "source")
    assert open_run(out, "one").spec == spec
    assert (folder.path / "space.py").read_text() == "source"
    assert [run.name for run in list_runs(out)] == ["one"]


def test_a_full_disk_is_refused_and_leaves_nothing(spec: RunSpec, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 10, 2**20))
    with pytest.raises(RunError, match="only 1 MiB of disk space is free"):
        create_run(out, "one", spec, "")
    assert not out.exists()


def test_a_folder_without_its_mark_is_no_run(spec: RunSpec, out: Path) -> None:
    (create_run(out, "one", spec, "").path / "run.json").unlink()
    with pytest.raises(RunError, match="no run 'one'"):
        open_run(out, "one")


@pytest.mark.parametrize("damage", ["{", "{}", '{"schema_version": 1, "points": {"x": {"lr": -1}}}'])
def test_a_damaged_mark_is_named(spec: RunSpec, out: Path, damage: str) -> None:
    folder = create_run(out, "one", spec, "")
    (folder.path / "run.json").write_text(damage)
    with pytest.raises(RunError, match=r"run\.json is damaged"):
        _ = open_run(out, "one").spec


def test_a_newer_format_is_named(spec: RunSpec, out: Path) -> None:
    folder = create_run(out, "one", spec, "")
    path = folder.path / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 99}))
    with pytest.raises(RunError, match="newer version"):
        _ = open_run(out, "one").spec


def _hold(path: Path, ready: "multiprocessing.synchronize.Event", done: "multiprocessing.synchronize.Event") -> None:
    with RunFolder(path).lock():
        ready.set()
        done.wait(30)


def test_a_second_writer_is_refused_until_the_first_is_gone(spec: RunSpec, out: Path) -> None:
    folder = create_run(out, "one", spec, "")
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(folder.path, ready, done))
    holder.start()
    assert ready.wait(30)
    with pytest.raises(RunError, match="is in use by another process"), folder.lock():
        pass
    holder.kill()  # without a chance to clean up
    holder.join()
    with folder.lock():
        pass
