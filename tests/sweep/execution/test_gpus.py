"""GPUs: how many trials share one, and that two runs never use the same one."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from sweep.errors import RunError
from sweep.execution import resources
from sweep.execution.gpus import GPUMemory, HostLock, hold_gpus, visible_gpus
from sweep.execution.nvidia import exclusive_gpus
from sweep.execution.resources import max_concurrent_trials, trials_per_gpu
from tests.pretended_gpu import pretended_gpu

GIB = 2**30
HOLD = """
import sys
from pathlib import Path
from sweep.execution.gpus import hold_gpus
with hold_gpus(sys.argv[2:], "other", Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "locks"


def memory(reserved: float, free: float, context: float = 0.5) -> GPUMemory:
    return GPUMemory(reserved=int(reserved * GIB), context=int(context * GIB), free=int(free * GIB))


@pytest.mark.parametrize(
    ("reserved", "free", "fitting"),
    [(8, 10, 1), (8, 18.5, 1), (8, 18.7, 2), (4, 10, 2), (2.5, 10, 3), (1, 80, 49), (0.01, 80, 100), (0, 80, 100)],
)
def test_as_many_share_as_fit(reserved: float, free: float, fitting: int) -> None:
    found = memory(reserved, free)
    assert found.fitting == fitting
    assert found.share * fitting <= 1 < found.share * (fitting + 1) + 1e-9
    assert trials_per_gpu(found.share) == fitting
    assert 1.1 * found.reserved <= found.limit + 1
    assert fitting * (found.limit + found.context) <= found.free


def test_gpu_share_that_does_not_fit_is_refused() -> None:
    with pytest.raises(RunError, match=r"needs 10\.4 GiB .* 10\.0 GiB are free: use a smaller batch_size"):
        _ = memory(9, 10).fitting


@pytest.mark.parametrize(
    ("gpus", "share", "room"), [(1, 1, 1), (2, 0.6, 2), (1, 0.6, 1), (2, 0.5, 4), (2, 0.3333, 6), (3, 0.34, 6)]
)
def test_trials_that_share_need_the_same_gpu(
    monkeypatch: pytest.MonkeyPatch, gpus: int, share: float, room: int
) -> None:
    monkeypatch.setattr(resources, "usable_cores", lambda: 64)
    monkeypatch.setattr(resources, "visible_gpus", lambda: ["GPU"] * gpus)
    assert max_concurrent_trials(1, share) == room
    assert max_concurrent_trials(32, share) == min(2, room)


SMI = """GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-aa)
  MIG 3g.20gb     Device  0: (UUID: MIG-1)
  MIG 3g.20gb     Device  1: (UUID: MIG-2)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-bb)
"""


@pytest.mark.parametrize(
    ("visible", "names"),
    [(None, ["MIG-1", "MIG-2", "GPU-bb"]), ("MIG-2", ["MIG-2"]), ("MIG-1,MIG-2", ["MIG-1", "MIG-2"])],
)
def test_every_slice_of_a_gpu_counts(monkeypatch: pytest.MonkeyPatch, visible: str | None, names: list[str]) -> None:
    """A process sees the first slice only."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr("sweep.execution.nvidia.ask", lambda *options: SMI.splitlines())
    with pretended_gpu(["NVIDIA A100-SXM4-40GB MIG 3g.20gb"], ["MIG-1"]):
        assert visible_gpus() == names


def test_exclusive_gpus_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    modes = ["GPU-aa, Default", "GPU-bb, Exclusive_Process", "GPU-cc, Prohibited"]
    monkeypatch.setattr("sweep.execution.nvidia.ask", lambda *options: modes)
    assert exclusive_gpus() == ["GPU-bb", "GPU-cc"]


def test_a_held_gpu_is_refused_by_name_and_given_back(folder: Path) -> None:
    with hold_gpus(["0", "1"], "first", folder):
        with (
            pytest.raises(RunError, match=rf"GPU 1 is held by run 'first' \(process {os.getpid()}\): wait"),
            hold_gpus(["1", "2"], "second", folder),
        ):
            pass
        with hold_gpus(["2"], "third", folder):  # the refused run holds nothing
            pass
    with hold_gpus(["0", "1"], "second", folder):
        pass


def test_a_killed_process_blocks_nobody(folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), "GPU-7"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with (
            pytest.raises(RunError, match=rf"run 'other' \(process {process.pid}\)"),
            hold_gpus(["GPU-7"], "x", folder),
        ):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert json.loads(HostLock("GPU-7", folder).path.read_text())["run"] == "other"
        with hold_gpus(["GPU-7"], "x", folder):
            pass


def test_every_user_can_lock_and_none_can_remove(folder: Path) -> None:
    before = os.umask(0o077)
    try:
        with hold_gpus(["0"], "run", folder):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o1777
    assert stat.S_IMODE(HostLock("0", folder).path.stat().st_mode) == 0o666


@pytest.mark.parametrize("trap", ["symlink", "hard link", "fifo"])
def test_a_trap_is_refused_and_nothing_is_written(folder: Path, tmp_path: Path, trap: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    folder.mkdir()
    path = HostLock("0", folder).path
    if trap == "symlink":
        path.symlink_to(victim)
    elif trap == "hard link":
        path.hardlink_to(victim)
    else:
        os.mkfifo(path)
    with pytest.raises(RunError, match=r"cannot lock GPU 0 .*remove that file"), hold_gpus(["0"], "run", folder):
        pass
    assert victim.read_text() == "precious"


def test_a_folder_that_is_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    folder.symlink_to(tmp_path)
    with pytest.raises(RunError, match="it is not a folder"), hold_gpus(["0"], "run", folder):
        pass


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"pid": "x", "run": 1}', b"\xff\xfe", b"1" * 9_000])
def test_unreadable_gpu_note_still_locks_the_gpu(folder: Path, content: bytes) -> None:
    with hold_gpus(["0"], "run", folder):
        HostLock("0", folder).path.write_bytes(content)
        with pytest.raises(RunError, match="GPU 0 is held by another process"), hold_gpus(["0"], "run", folder):
            pass


def test_a_name_cannot_leave_the_folder(folder: Path) -> None:
    assert HostLock("../../etc/passwd", folder).path.parent == folder


@pytest.mark.parametrize(
    ("uuids", "visible", "names"),
    [
        (["aa", "bb"], None, ["GPU-aa", "GPU-bb"]),
        (["GPU-aa"], "1", ["GPU-aa"]),
        ([None, None], "3,1", ["3", "1"]),
        ([None], None, ["0"]),
        ([], "", []),
    ],
)
def test_gpu_name_does_not_depend_on_visible_devices(
    monkeypatch: pytest.MonkeyPatch, uuids: list[str | None], visible: str | None, names: list[str]
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr("torch.cuda.is_available", lambda: bool(uuids))
    monkeypatch.setattr("torch.cuda.device_count", lambda: len(uuids))
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda index: SimpleNamespace(uuid=uuids[index]))
    assert visible_gpus() == names
