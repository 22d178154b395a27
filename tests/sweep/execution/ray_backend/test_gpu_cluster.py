"""A cluster whose machines have made-up GPUs, while the driver's machine has none."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from subprocess import Popen

import pytest

import tests.sweep.execution.made_up_gpus as made_up_gpus
from sweep.reporting.leaderboard import load_rows
from sweep.store.cache import Cache
from sweep.store.run_folder import RunFolder
from tests.sweep.execution.ray_backend.test_cluster import head_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
Spawn = Callable[[Sequence[object]], "Popen[str]"]
ROOT = Path(__file__).parents[4]
NODES = """
import json, os, sys
from ray.cluster_utils import Cluster

os.makedirs("/tmp/ray", exist_ok=True)
place = {"node_ip_address": "127.0.0.1", "object_store_memory": 80 * 2**20, "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args={**place, "num_cpus": 0, "temp_dir": sys.argv[1]})
for variables in json.loads(sys.argv[2]):
    gpus = len(variables["MADE_UP_GPUS"].split(",")) if "MADE_UP_GPUS" in variables else int(variables.get("GPUS", 0))
    cluster.add_node(**place, num_cpus=2, num_gpus=gpus, env_vars=variables)
print(cluster.address, os.getpid(), flush=True)
sys.stdin.readline()
cluster.shutdown()
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """cluster({"MADE_UP_GPUS": "A"}, ...) starts a machine with each environment and returns the address."""
    (token := tmp_path / "token").touch(mode=0o600)
    token.write_text("f" * 64)
    for name, value in (
        ("RAY_AUTH_MODE", "token"),
        ("RAY_AUTH_TOKEN_PATH", str(token)),
        ("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0"),
        ("RAY_USAGE_STATS_ENABLED", "0"),
    ):
        monkeypatch.setenv(name, value)
    started: list[Popen[str]] = []
    folder = Path("/tmp") / f"sweep-gpus-{os.getpid()}"

    def start(*machines: dict[str, str]) -> str:
        folders = [str(Path(made_up_gpus.__file__).parent), str(ROOT)]
        python_path = os.pathsep.join(folders)
        machines = tuple({"PYTHONPATH": python_path, "MADE_UP_TAG": "c", **each} for each in machines)
        command = [sys.executable, "-c", NODES, str(folder), json.dumps(machines)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(Popen(command, text=True, **pipes))
        return head_of(started[-1])[0]

    yield start
    for process in started:
        if process.poll() is None:
            process.communicate("\n", timeout=60)
    shutil.rmtree(folder, ignore_errors=True)


def run(spawn: Spawn, micro: Path, address: str, *options: object) -> tuple[int, str]:
    process = spawn(["run", micro, "--name", "r", "--address", address, *options])
    _, stderr = process.communicate(timeout=300)
    return process.returncode, stderr


def test_unlike_gpus_are_told_named_and_never_mixed(
    cluster: Callable[..., str], spawn: Spawn, micro: Path, out: Path
) -> None:
    address = cluster({"MADE_UP_GPUS": "A"}, {"MADE_UP_GPUS": "B"})
    longer = ("--set", "epochs=150")  # so that one machine does not take all trials before the other is ready
    code, stderr = run(spawn, micro, address, "--gpus-per-trial", "1", *longer)
    assert code == 0, stderr
    assert "unlike GPUs: A, B" in stderr
    folder = RunFolder(out / "r")
    rows = {row["point_id"]: row["device"] for row in load_rows(folder)}
    assert set(rows.values()) == {"A", "B"}
    assert folder.spec.provenance.device == "A + B"
    cache = Cache(out, skip=None)
    for point in folder.spec.plan.points:
        for device in ("A", "B", "cpu (AVX2)"):
            found = cache.find(replace(folder.spec.provenance, device=device), point)
            assert (found is not None) == (rows[point.point_id] == device)


HIDING = "import sys\nif any('default_worker' in word for word in sys.orig_argv): sys.modules['sweep'] = None\n"
OTHER_CODE = """
import importlib.abc, importlib.machinery, sys
class Other(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "sweep.planning.numerics":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        run = spec.loader.exec_module
        def exec_module(module):
            run(module)
            module.numerics_sha256 = lambda: "other"
        spec.loader.exec_module = exec_module
        return spec
sys.meta_path.insert(0, Other())
"""


@pytest.mark.parametrize(
    ("site", "variables", "gpus", "words"),
    [
        ("", {"MADE_UP_GPUS": "A", "MADE_UP_FAULT": "vanished"}, "1", "sees no GPU there, though Ray does"),
        (OTHER_CODE, {}, "0", "numeric code (model/) differs from the one that the run was planned with (other, not"),
        (HIDING, {}, "0", "No module named 'sweep"),
    ],
    ids=["no GPU", "other code", "no package"],
)
def test_an_unfit_machine_is_one_error(
    cluster: Callable[..., str],
    spawn: Spawn,
    micro: Path,
    out: Path,
    tmp_path: Path,
    site: str,
    variables: dict[str, str],
    gpus: str,
    words: str,
) -> None:
    if site:
        (tmp_path / "site").mkdir()
        (tmp_path / "site" / "sitecustomize.py").write_text(site)
        variables = {**variables, "PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), str(ROOT)])}
    address = cluster({"MADE_UP_GPUS": "A"} if gpus == "1" else {}, variables)
    code, stderr = run(spawn, micro, address, "--gpus-per-trial", gpus, "--no-cache")
    assert code == 1, stderr
    assert len([line for line in stderr.splitlines() if line.startswith("Error:")]) == 1
    assert words in stderr
    assert "Traceback" not in stderr
    assert "FAILED" not in stderr
    assert not (out / "r").exists() or not any(row["status"] == "COMPLETED" for row in load_rows(RunFolder(out / "r")))


def test_a_cluster_without_gpus_is_refused(cluster: Callable[..., str], spawn: Spawn, micro: Path, out: Path) -> None:
    address = cluster({})
    code, stderr = run(spawn, micro, address, "--gpus-per-trial", "1")
    assert code == 1, stderr
    assert "no machine of the cluster" in stderr
    assert not (out / "r").exists()


def test_a_folder_that_machines_do_not_share_is_one_error(
    cluster: Callable[..., str], spawn: Spawn, micro: Path, tmp_path: Path
) -> None:
    """On one of the machines another folder lies at the place of --out: the nonce has another text there."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import pathlib\nreal = pathlib.Path.open\n"
        "def elsewhere(self, *a, **k):\n"
        "    if self.name.startswith('.nodes.'): raise FileNotFoundError(2, 'No such file', str(self))\n"
        "    return real(self, *a, **k)\n"
        "pathlib.Path.open = elsewhere\n"
    )
    address = cluster({}, {"PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), str(ROOT)])})
    code, stderr = run(spawn, micro, address)
    assert code == 1, stderr
    assert stderr.count("it does not see the files that the driver writes to") == 1
    assert "--out must be a folder that all share" in stderr
    assert "FAILED" not in stderr
