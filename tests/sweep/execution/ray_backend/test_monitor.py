"""The Ray monitor detects that Ray has died, and unblocks the driver.

Here, stand-in processes and listeners die; tests/chaos/test_ray.py kills the real ones.
"""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from sweep.execution.ray_backend import monitor
from sweep.execution.ray_backend.monitor import RayLostError, RayMonitor

STUCK = """
import subprocess, time
import psutil
from sweep.execution.ray_backend import monitor

monitor.SERVICES, monitor.STUCK_SECONDS = ("sleep",), 0.2
service = subprocess.Popen(["sleep", "60"])
with monitor.RayMonitor([psutil.Process(service.pid)]) as line:
    line.resume_command = "sweep resume r"
    service.kill()
    time.sleep(60)  # as in a call of Ray's that does not return
"""


@pytest.fixture(autouse=True)
def watchful(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks often, and does not take other tests' processes for Ray's."""
    monkeypatch.setattr(monitor, "CHECK_SECONDS", 0.02)
    monkeypatch.setattr(monitor, "children", list)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that holds a Ray together."""
    monkeypatch.setattr(monitor, "SERVICES", ("sleep",))
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def await_loss(line: RayMonitor) -> None:
    deadline = time.monotonic() + 20
    while line.lost is None:
        assert time.monotonic() < deadline, "it was not noticed"
        time.sleep(0.01)


def test_process_stuck_in_dead_ray_exits_with_a_message() -> None:
    ended = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=50)
    assert ended.returncode == 1
    assert re.fullmatch(r"Error: Ray has died: its process sleep .* resume with: sweep resume r\n", ended.stderr)


def test_a_lost_service_is_noticed(service: "subprocess.Popen[bytes]") -> None:
    with RayMonitor([psutil.Process(service.pid)]) as line:
        line.check()
        service.kill()
        await_loss(line)
        with pytest.raises(RayLostError, match=f"its process sleep .{service.pid}. has ended"):
            line.check()


def test_stop_watching_ignores_later_deaths(service: "subprocess.Popen[bytes]") -> None:
    with RayMonitor([psutil.Process(service.pid)]) as line:
        line.stop_watching()
        service.kill()
        service.wait()
        time.sleep(0.2)
        line.check()


def test_silent_head_node_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "HEAD_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0), backlog=50) as head:
        address = f"127.0.0.1:{head.getsockname()[1]}"
        with RayMonitor([], address) as line:
            time.sleep(1.0)
            line.check()  # it answers
            head.close()
            await_loss(line)
            with pytest.raises(RayLostError, match=f"the head of the cluster, {address}, has not answered for 0.5 s"):
                line.check()
