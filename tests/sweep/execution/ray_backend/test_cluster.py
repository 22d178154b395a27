"""A cluster of several machines, here three Ray nodes on the loopback interface: `sweep run --address HOST:PORT`.

How a user joins: Ray asks whoever connects for a token. Every machine of the cluster and the one that runs `sweep` have
the same two variables set before they start, and a file that only the user can read:

    export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=~/sweep.token
    ray start --head --include-dashboard=false       # prints HOST:PORT
    ray start --address HOST:PORT                     # on every further machine
    sweep run lora_rank --address HOST:PORT --out /a/folder/that/all/machines/see
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from subprocess import Popen

import pytest
from click.testing import Result

from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state
from sweep.store.status import Status
from tests.sweep.conftest import essence
from tests.sweep.execution.ray_backend.test_executor import wait_for_epochs

pytestmark = pytest.mark.timeout(300)
Spawn = Callable[[Sequence[object]], "Popen[str]"]
EPOCHS = ("--set", "epochs=150")
ENDLESS = ("--set", "epochs=100000")
NODES = """
import os, sys
from ray.cluster_utils import Cluster

os.makedirs("/tmp/ray", exist_ok=True)  # the address of the newest cluster is written there, for `auto`
place = {"node_ip_address": "127.0.0.1", "object_store_memory": 80 * 2**20, "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args={**place, "num_cpus": 0, "temp_dir": sys.argv[1]})
workers = [cluster.add_node(**place, num_cpus=1) for _ in range(2)]
(head,) = [process.process for kind, members in cluster.head_node.all_processes.items() if kind == "gcs_server"
           for process in members]
print(cluster.address, head.pid, flush=True)
sys.stdin.readline()
cluster.remove_node(workers[0], allow_graceful=False)
print("one less", flush=True)
sys.stdin.readline()
cluster.shutdown()
"""


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["Popen[str]"]:
    """A head and two workers with a core each. A line to its stdin takes one away, a second line all."""
    token = tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text("f" * 64)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    folder = Path("/tmp") / f"sweep-test-{os.getpid()}"  # short: sockets' paths have at most 107 bytes
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = Popen([sys.executable, "-c", NODES, str(folder)], text=True, **pipes)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        if process.poll() is None:
            process.communicate("\n\n", timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def expected(sweep: Callable[..., Result], micro: Path, out: Path) -> list[dict[str, object]]:
    inline = f"{out}-inline"
    assert sweep("run", micro, *EPOCHS, "--executor", "inline", "--name", "r", "--out", inline).exit_code == 0
    return essence(Path(inline) / "r")


def head_of(nodes: "Popen[str]") -> tuple[str, int]:
    """The address of the head, and the process that answers there."""
    assert nodes.stdout is not None
    for line in nodes.stdout:
        if line.startswith("127.0.0.1:"):
            address, pid = line.split()
            return address, int(pid)
    raise AssertionError(nodes.communicate())


def trained_at_once(run: Path) -> int:
    """Trials that train at this moment."""
    trials = load_state(RunFolder(run)).trials.values()
    return sum(trial.status is Status.RUNNING and bool(trial.epochs) for trial in trials)


@pytest.mark.slow
def test_a_cluster_gives_the_same_rows(
    nodes: "Popen[str]", spawn: Spawn, micro: Path, out: Path, expected: list[dict[str, object]]
) -> None:
    address, _ = head_of(nodes)
    process = spawn(["run", micro, *EPOCHS, "--name", "whole", "--address", address, "--no-cache"])
    _, stderr = process.communicate(timeout=140)
    assert process.returncode == 0, stderr
    assert essence(out / "whole") == expected


@pytest.mark.slow
def test_a_lost_node_costs_no_row(
    nodes: "Popen[str]", spawn: Spawn, micro: Path, out: Path, expected: list[dict[str, object]]
) -> None:
    address, _ = head_of(nodes)
    process = spawn(["run", micro, *EPOCHS, "--name", "less", "--address", address, "--concurrency", "2", "--no-cache"])
    wait_for_epochs(out / "less", 2, process)
    while trained_at_once(out / "less") < 2:
        assert process.poll() is None, "it ended before both nodes trained"
        time.sleep(0.05)
    assert nodes.stdin is not None
    nodes.stdin.write("\n")
    nodes.stdin.flush()
    _, stderr = process.communicate(timeout=140)
    assert process.returncode == 0, stderr
    assert "Traceback" not in stderr
    assert "worker lost" in stderr
    assert essence(out / "less") == expected
    assert max(trial.attempt for trial in load_state(RunFolder(out / "less")).trials.values()) == 2


@pytest.mark.slow
def test_lost_head_node_is_reported(nodes: "Popen[str]", spawn: Spawn, micro: Path, out: Path) -> None:
    address, head = head_of(nodes)
    process = spawn(["run", micro, *ENDLESS, "--name", "headless", "--address", address, "--no-cache"])
    wait_for_epochs(out / "headless", 2, process)
    os.kill(head, signal.SIGKILL)
    _, stderr = process.communicate(timeout=140)
    assert process.returncode == 1, stderr
    assert f"the head of the cluster, {address}, has not answered for 30 s" in stderr
    assert "resume with: sweep resume headless" in stderr
    assert "Traceback" not in stderr
    assert load_state(RunFolder(out / "headless")).reached


def refused(process: "Popen[str]", address: str, *reasons: str) -> None:
    """It ends soon, with a line that says why: one of `reasons`."""
    stdout, stderr = process.communicate(timeout=100)
    assert process.returncode == 1, stderr
    assert stdout == ""
    assert f"Error: cannot start Ray at {address}: " in stderr
    assert any(reason in stderr for reason in reasons), stderr
    assert "Traceback" not in stderr


def test_unreachable_address_is_one_line(spawn: Spawn, micro: Path) -> None:
    process = spawn(["run", micro, "--name", "r", "--address", "127.0.0.1:9"])
    refused(process, "127.0.0.1:9", "nothing answers there")


def test_auto_without_a_cluster_is_one_line(spawn: Spawn, micro: Path) -> None:
    """A test beside this one may have started a private Ray; it is found, and lets nobody else in."""
    process = spawn(["run", micro, "--name", "r", "--address", "auto"])
    refused(process, "auto", "Could not find any running Ray instance", "no Ray cluster answered within")


@pytest.mark.slow
def test_foreign_port_is_one_line(spawn: Spawn, micro: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        refused(spawn(["run", micro, "--name", "r", "--address", address]), address, "no Ray cluster answered within")
