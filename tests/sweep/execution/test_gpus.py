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
from sweep.execution.gpus import HEADROOM, HostLock, hold_gpus, share, visible_gpus

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


@pytest.mark.parametrize(
    ("peak", "total", "fitting"),
    [(8, 10, 1), (8, 19.9, 1), (4, 10, 2), (2.6, 10, 3), (1, 80, 64), (0.01, 80, 100), (0, 80, 100)],
)
def test_as_many_share_as_fit_with_headroom(peak: float, total: float, fitting: int) -> None:
    fraction = share(int(peak * GIB), int(total * GIB))
    assert fraction * fitting <= 1 < fraction * (fitting + 1) + 1e-9
    assert int(1 / fraction) == fitting
    assert fitting * peak * HEADROOM <= total


def test_a_whole_and_a_half_are_exact() -> None:
    assert share(8 * GIB, 10 * GIB) == 1.0
    assert share(4 * GIB, 10 * GIB) == 0.5


def test_gpu_share_that_does_not_fit_is_refused() -> None:
    with pytest.raises(RunError, match=r"needs 11\.2 GiB .* has 10\.0 GiB: use a smaller batch_size"):
        share(9 * GIB, 10 * GIB)


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
