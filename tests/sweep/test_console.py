"""Output that nobody reads: the run continues, ends gracefully, and has the right exit code."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state
from sweep.store.status import Status


@contextmanager
def unread(micro: Path, out: Path, streams: str, epochs: int) -> Iterator["subprocess.Popen[str]"]:
    """`sweep run` with a pipe without a reader as its `streams`."""
    reader, writer = os.pipe()
    os.close(reader)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **dict.fromkeys(streams.split(), writer)}
    command = [sys.executable, "-m", "sweep.cli", "run", micro, "--executor", "inline", "--name", "r", "--out", out]
    with subprocess.Popen([*map(str, command), "--set", f"epochs={epochs}"], text=True, **pipes) as process:  # type: ignore[call-overload]
        os.close(writer)
        yield process
        if process.poll() is None:
            process.kill()


def statuses(out: Path) -> list[Status]:
    """Of the trainings, and the un-tuned base, that were begun."""
    return [trial.status for trial in load_state(RunFolder(out / "r")).trials.values()]


@pytest.mark.parametrize("streams", ["stderr", "stdout"])
def test_run_survives_lost_output(streams: str, micro: Path, out: Path) -> None:
    with unread(micro, out, streams, 1) as process:
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert statuses(out) == [Status.COMPLETED] * 5
    assert "COMPLETED" in (stdout or stderr)


@pytest.mark.parametrize("streams", ["stdout", "stdout stderr"])
def test_a_signal_is_heard(streams: str, micro: Path, out: Path) -> None:
    with unread(micro, out, streams, 15) as process:
        ledger = out / "r" / "ledger.jsonl"
        while not ledger.exists() or b'"event":"epoch"' not in ledger.read_bytes():
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr is None or "resume with: sweep resume r" in stderr
    assert Status.RUNNING not in statuses(out)
    assert statuses(out).count(Status.COMPLETED) < 5


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_log_on_a_full_disk(stream: str, micro: Path, out: Path) -> None:
    command = [sys.executable, "-m", "sweep.cli", "run", micro, "--executor", "inline", "--name", "r", "--out", out]
    with open("/dev/full", "w") as full:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: full}
        ended = subprocess.run(list(map(str, command)), text=True, timeout=60, **pipes)  # type: ignore[call-overload]
    assert ended.returncode == 0, ended.stderr
    assert statuses(out) == [Status.COMPLETED] * 5
