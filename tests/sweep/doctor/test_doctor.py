"""The doctor: every check on a healthy machine and on a faulty one; no check ever raises."""

import errno
import fcntl
import json
import shutil
import socket
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import Result

from sweep.doctor import disk, examine, guarded, has_problem, hub, machine, ray_here, text
from sweep.doctor.findings import Check, Level, note, ok, problem
from sweep.execution.ray_backend import private_folder
from tests.model.hub import Hub, serve
from tests.pretended_gpu import pretended_gpu

Sweep = Callable[..., Result]
FREE = namedtuple("FREE", "total used free")
LISTEN = """
import socket, sys
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def assert_found(check: Check, level: Level, words: str) -> None:
    assert check.level == level, check
    assert words in check.found
    assert (check.remedy is None) == (level == Level.OK)


# The command.


def test_this_machine_is_fit(sweep: Sweep, out: Path) -> None:
    result = sweep("doctor", "--format", "json")
    found = {check["name"]: check for check in json.loads(result.stdout)}
    assert result.exit_code == 0, result.output
    assert len(found) == 15
    assert {check["level"] for check in found.values()} <= {"ok", "note"}
    assert all((check["remedy"] is None) == (check["level"] == "ok") for check in found.values())
    assert not any("could not be checked" in check["found"] for check in found.values())
    assert "torch " in found["packages"]["found"]
    assert not out.exists()


def test_a_problem_is_marked_has_a_remedy_and_ends_with_1(sweep: Sweep, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = sweep("doctor", "--out", tmp_path / "file" / "out")
    assert result.exit_code == 1
    (index,) = (n for n, line in enumerate(result.stdout.splitlines()) if line.startswith("PROBLEM"))
    assert "cannot be written to" in result.stdout.splitlines()[index]
    assert "-> choose another folder with --out" in result.stdout.splitlines()[index + 1]


def test_a_check_that_fails_is_a_note(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("strange machine\nat length")

    monkeypatch.setattr("sweep.doctor.ray_here.ports", fail)
    monkeypatch.setattr("sweep.doctor.machine.cores", fail)
    failed = [check for check in examine(tmp_path) if "could not be checked" in check.found]
    assert [check.name for check in failed] == ["cores", "ray's ports"]
    assert {check.level for check in failed} == {Level.NOTE}
    assert failed[0].found == "could not be checked: RuntimeError: strange machine"


def test_lines_have_mark_name_finding_and_remedy() -> None:
    checks = [ok("a", "well"), note("bcd", "so so", "rest"), problem("e", "ill", "see a doctor")]
    assert text(checks).splitlines() == [
        "ok       a    well",
        "note     bcd  so so",
        "              -> rest",
        "PROBLEM  e    ill",
        "              -> see a doctor",
    ]
    assert has_problem(checks)
    assert not has_problem(checks[:2])
    assert guarded("a", lambda: checks[0]) == checks[0]


# What this machine computes with.


@pytest.mark.parametrize(
    ("requirement", "lacking"),
    [
        ("click>=8.0.0", None),
        ("ray[tune]>=2.50", None),
        ("click>=99.1", "but 99.1 is needed"),
        ("no-such-package>=1", "no-such-package is missing"),
    ],
)
def test_packages_are_held_against_their_bounds(requirement: str, lacking: str | None) -> None:
    check = machine.judge_packages([requirement, "psutil>=5.9"])
    assert_found(check, Level.PROBLEM if lacking else Level.OK, lacking or "psutil")


@pytest.mark.parametrize(
    ("installed", "level"), [("2.6", "ok"), ("2.6.0+cu126", "ok"), ("2.13.0rc1", "ok"), ("2.5.9", "PROBLEM")]
)
def test_versions_compare_by_number(monkeypatch: pytest.MonkeyPatch, installed: str, level: str) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: installed)
    assert machine.judge_packages(["torch>=2.6.0"]).level == level


def test_an_old_python_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.python_version", lambda: "3.9.1")
    assert_found(machine.python_version(), Level.PROBLEM, "Python 3.9.1, but 3.11 is needed")


@pytest.mark.parametrize(("content", "quota"), [("max 100000\n", None), ("150000 100000\n", 1.5)])
def test_a_containers_quota_is_read(content: str, quota: float | None) -> None:
    assert machine.quota_of(content) == quota


def test_a_quota_below_the_cores_is_noted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    monkeypatch.setattr(machine, "QUOTA", tmp_path / "cpu.max")
    check = machine.cores()
    assert_found(check, Level.NOTE, "only use the time of 0.5 of them")
    assert check.remedy is not None
    assert check.remedy.startswith("use --concurrency 1:")


def test_gpus_are_named_with_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda index: (3 * 2**30, 8 * 2**30))
    monkeypatch.setattr("torch.cuda.get_device_name", lambda index: f"Card {index}")
    check = machine.gpus()
    assert_found(check, Level.OK, "Card 1, 8 GiB, 3.0 GiB free")


@pytest.mark.parametrize(
    ("cuda", "visible", "reason"),
    [
        (None, None, "is built without CUDA"),
        ("12.6", "", "CUDA_VISIBLE_DEVICES is ''"),
        ("12.6", None, "finds no GPU or no driver"),
    ],
)
def test_no_gpu_has_a_reason(
    monkeypatch: pytest.MonkeyPatch, cuda: str | None, visible: str | None, reason: str
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.version.cuda", cuda)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert_found(machine.gpus(), Level.NOTE, reason)


@pytest.mark.parametrize(("limit", "level"), [(256, Level.NOTE), (4096, Level.OK), (-1, Level.OK)])
def test_few_open_files_are_noted(monkeypatch: pytest.MonkeyPatch, limit: int, level: Level) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda kind: (limit, limit))
    assert machine.open_files().level == level


def test_no_commit_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "tool_commit", lambda: None)
    assert_found(machine.commit(), Level.NOTE, "no commit")


# Where things are written.


@pytest.mark.parametrize(("free", "level"), [(2**20, Level.PROBLEM), (2**29, Level.NOTE), (2**40, Level.OK)])
def test_a_disk_is_as_good_as_its_room(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, level: Level
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: FREE(2**41, 0, free))
    assert disk.out_space(tmp_path / "not" / "yet").level == level
    assert disk.temporary_space().level == level


def test_shared_memory_must_hold_the_object_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(disk, "SHARED_MEMORY", tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: FREE(2**26, 0, 2**26))
    assert_found(disk.shared_memory(), Level.PROBLEM, "64 MiB free")
    monkeypatch.setattr(disk, "SHARED_MEMORY", tmp_path / "none")
    assert_found(disk.shared_memory(), Level.OK, "has no")


def test_an_out_folder_is_left_as_it_was(tmp_path: Path) -> None:
    assert_found(disk.out_writable(tmp_path / "a" / "b"), Level.OK, "b is created when a run starts")
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_locks_is_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(file: object, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert_found(disk.out_writable(tmp_path), Level.PROBLEM, "does not support file locks: No locks available")


def test_locks_that_keep_nobody_out_are_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda file, how: None)
    assert_found(disk.out_writable(tmp_path), Level.PROBLEM, "do not exclude a second writer")


def test_a_home_that_is_not_there_is_noted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "none"))
    assert_found(disk.home(), Level.NOTE, "cannot be written to")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert_found(disk.home(), Level.OK, str(tmp_path))


# Ray.


@pytest.mark.parametrize(
    ("command", "ray", "dashboard"),
    [
        ("/x/ray/core/src/ray/raylet/raylet --port=1", True, False),
        ("/x/ray/core/src/ray/gcs/gcs_server --port=1", True, False),
        ("ray::IDLE", True, False),
        ("python -u /x/ray/dashboard/dashboard.py --host=0.0.0.0", True, True),
        ("python /x/ray/dashboard/agent.py --port=1", True, True),
        ("python dashboard.py", False, False),
        ("sshd", False, False),
        ("", False, False),
    ],
)
def test_rays_processes_are_known_by_their_commands(command: str, ray: bool, dashboard: bool) -> None:
    assert (ray_here.is_ray(command), ray_here.is_dashboard(command)) == (ray, dashboard)


@pytest.mark.parametrize(
    ("ip", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.7", False),
        ("fe80::1%eth0", False),
    ],
)
def test_loopback_is_distinguished_from_the_network(ip: str, loopback: bool) -> None:
    assert ray_here.is_loopback(ip) == loopback


def test_network_listeners_are_reported() -> None:
    assert_found(ray_here.judge_ports([], []), Level.OK, "no Ray process")
    assert_found(ray_here.judge_ports(["10.0.0.7:6379"], []), Level.NOTE, "10.0.0.7:6379")
    assert_found(ray_here.judge_ports([], [("127.0.0.1", "127.0.0.1:8265")]), Level.NOTE, "this machine only")
    outward = ray_here.judge_ports(["10.0.0.7:1"], [("0.0.0.0", "0.0.0.0:8265")])
    assert_found(outward, Level.PROBLEM, "0.0.0.0:8265: whoever can reach it can run code as you")


@contextmanager
def listener(script: Path) -> Iterator[int]:
    """A process with `script` in its command line that listens on loopback; its port."""
    script.parent.mkdir(parents=True)
    script.write_text(LISTEN)
    process = subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.kill()


def test_a_dashboard_that_runs_is_found(tmp_path: Path) -> None:
    with listener(tmp_path / "ray" / "dashboard" / "dashboard.py") as port:
        assert_found(ray_here.ports(), Level.NOTE, f"127.0.0.1:{port}")


def test_an_address_for_ray_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert_found(ray_here.address(), Level.OK, "not set")
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.7:6379")
    check = ray_here.address()
    assert_found(check, Level.NOTE, "this tool ignores it")
    assert "--address 10.0.0.7:6379" in str(check.remedy)


def test_folders_of_killed_runs_are_found_and_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(private_folder, "TEMPORARY", tmp_path)
    assert_found(ray_here.left_behind(), Level.OK, "no folders of killed runs")
    left, held = (tmp_path / f"{private_folder.PREFIX}{name}" for name in ("left", "held"))
    for folder in (left, held):
        folder.mkdir()
        (folder / private_folder.OWNER).touch()
    (left / "log").write_bytes(b"x" * 3 * 2**20)
    with (held / private_folder.OWNER).open("w") as owner:
        fcntl.flock(owner, fcntl.LOCK_EX)
        check = ray_here.left_behind()
    assert_found(check, Level.NOTE, f"1 private folder of killed runs, 3 MiB: {left}")
    assert "sweep gc" in str(check.remedy)
    assert left.is_dir()


# The hub.


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets the hub's client reach for one endpoint."""

    def at(endpoint: str) -> None:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint)

    return at


def test_offline_by_wish_is_well() -> None:
    assert_found(hub.hub(), Level.OK, "offline because of HF_HUB_OFFLINE")


def test_a_hub_that_answers_is_well(online: Callable[[str], None]) -> None:
    server = Hub({})
    with serve(server) as endpoint:
        online(endpoint)
        assert_found(hub.hub(), Level.OK, f"{endpoint} answers")
    assert len(server.requests) == 1


def test_a_hub_out_of_reach_is_noted_with_the_ways_around(online: Callable[[str], None]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
    online(endpoint)  # nobody listens there any more
    check = hub.hub()
    assert_found(check, Level.NOTE, f"{endpoint} cannot be reached")
    assert "HF_ENDPOINT" in str(check.remedy)


def test_a_hub_that_is_ill_is_noted(online: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    server = Hub({})
    monkeypatch.setattr(server, "answer", lambda path: (503, {}, b""))
    with serve(server) as endpoint:
        online(endpoint)
        assert_found(hub.hub(), Level.NOTE, "status 503")


@pytest.mark.parametrize(
    ("mode", "mps", "words"),
    [("Exclusive_Process", False, "exclusive-process mode"), ("Default", True, "NVIDIA MPS is running")],
)
def test_gpus_that_trials_cannot_share_are_noted(
    monkeypatch: pytest.MonkeyPatch, mode: str, mps: bool, words: str
) -> None:
    monkeypatch.setattr("sweep.execution.nvidia.ask", lambda *options: [f"GPU-aa, {mode}"])
    if mps:
        monkeypatch.setenv("CUDA_MPS_PIPE_DIRECTORY", "/tmp/mps")
    with pretended_gpu():
        assert_found(machine.gpus(), Level.NOTE, words)
