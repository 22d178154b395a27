"""Workers import the driver's own package, whatever the current folder contains."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sweep.execution.job import Job
from sweep.execution.trial import TrialReport
from sweep.store.failure import Failure
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state
from sweep.store.status import Status
from tests.sweep.conftest import essence
from tests.sweep.extensions import write_optimizer

ROOT = Path(__file__).parents[4]
SHADOWS = ("model", "ray", "numpy", "json", "random", "torch", "pandas", "click")
COMMAND = (sys.executable, "-c", "import sys; sys.path.remove(''); from sweep.cli.commands import main; main()")


NEIGHBOURS = ("model.py", "sweep.py", "sweep/__init__.py", "ray.py", "numpy.py", "json.py", "random.py")
HIDDEN = (
    "(No module named|Error while finding module specification for)"  # what Python says if a neighbour hides sweep/
)
START = "import sys\nfrom sweep.cli.commands import main\nsys.exit(main())\n"  # the console script


def run(folder: Path, micro: Path, out: Path, executor: str, *more: str) -> "subprocess.CompletedProcess[str]":
    """`sweep run`, as its console script runs it: without the working folder on the path."""
    options = [
        "--set",
        "epochs=1",
        "--set",
        "lora.dropout=0.0",
        "--executor",
        executor,
        "--name",
        "r",
        "--no-cache",
        *more,
    ]
    command = [*COMMAND, "run", str(micro), *options, "--out", str(out)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder whose modules hide ours and those that we depend on."""
    folder = tmp_path / "hostile"
    (folder / "sweep").mkdir(parents=True)
    for path in (folder / "sweep" / "__init__.py", *(folder / f"{name}.py" for name in SHADOWS)):
        path.write_text("raise RuntimeError('not the module that was meant')\n")
    return folder


def test_a_hostile_folder_changes_nothing(hostile: Path, micro: Path, out: Path, tmp_path: Path) -> None:
    done = run(hostile, micro, out, "ray")
    assert done.returncode == 0, done.stderr
    assert "2 COMPLETED" in done.stdout
    assert run(tmp_path, micro, tmp_path / "inline", "inline").returncode == 0
    assert essence(out / "r") == essence(tmp_path / "inline" / "r")


def test_the_driver_imports_neither_torch_nor_trackers(micro: Path, out: Path) -> None:
    """Each of them would delay the first trial of every run by about a second."""
    code = (
        "import sys\nfrom sweep.cli.commands import main\n"
        "try:\n    main()\n"
        "finally:\n    print({'torch', 'wandb', 'mlflow', 'comet_ml', 'aim'} & set(sys.modules))"
    )
    options = ["--set", "epochs=1", "--name", "r", "--no-cache", "--executor", "ray", "--out", str(out)]
    done = subprocess.run([sys.executable, "-c", code, "run", str(micro), *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "4 COMPLETED" in done.stdout
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.slow
def test_another_checkout_is_not_imported(micro: Path, out: Path, tmp_path: Path) -> None:
    """Its scores would be this checkout's, and the cache would hand them on."""
    for package in ("model", "sweep"):
        shutil.copytree(ROOT / package, tmp_path / "checkout" / package, ignore=shutil.ignore_patterns("__pycache__"))
    scores = tmp_path / "checkout" / "model" / "tasks" / "scores.py"
    scores.write_text(scores.read_text().replace("return score", "return 1025.7"))
    done = run(tmp_path / "checkout", micro, out, "ray")
    assert done.returncode == 0, done.stderr
    assert run(tmp_path, micro, tmp_path / "inline", "inline").returncode == 0
    assert essence(out / "r") == essence(tmp_path / "inline" / "r")


@pytest.mark.slow
@pytest.mark.parametrize("start", ["script", "-m"])
@pytest.mark.parametrize("name", NEIGHBOURS)
def test_a_neighbour_is_not_imported(name: str, start: str, micro: Path, out: Path, tmp_path: Path) -> None:
    """Each neighbour works and leaves a mark. Beside a `sweep/` Python itself ends `-m sweep.cli`, in one line."""
    (file := tmp_path / "beside" / name).parent.mkdir(parents=True)
    (mark := tmp_path / "mark").mkdir()
    file.write_text(f"import os\nopen(os.path.join({str(mark)!r}, str(os.getpid())), 'w').close()\nclass Net: pass\n")
    (script := tmp_path / "script.py").write_text(START)
    (bin := tmp_path / "bin").mkdir()
    command = [sys.executable, *(["-m", "sweep.cli"] if start == "-m" else [script.rename(bin / "sweep")])]
    options = ["--set", "epochs=1", "--set", "lora.dropout=0.0", "--name", "r", "--no-cache", "--out", out]
    words = [*command, "run", micro, *options, "--executor", "ray", "--concurrency", "1"]
    done = subprocess.run([*map(str, words)], cwd=tmp_path / "beside", capture_output=True, text=True)
    if start == "-m" and name.startswith("sweep"):
        assert re.fullmatch(rf".*python\S*: {HIDDEN}.*'?sweep.*\n", done.stderr)
        assert done.returncode == 1
        assert not out.exists()
        return
    assert done.returncode == 0, done.stderr
    assert "2 COMPLETED" in done.stdout
    assert list(mark.iterdir()) == []


def test_measuring_and_joining_a_cluster_import_no_neighbour(hostile: Path, micro: Path, out: Path) -> None:
    """Both start Python in the working folder."""
    (hostile / "sweep" / "__init__.py").unlink()
    (hostile / "sweep").rmdir()

    def start(*options: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "sweep.cli", "run", str(micro), "--out", str(out), "--no-cache", *options]
        return subprocess.run(command, cwd=hostile, capture_output=True, text=True)

    measured = start("--dry-run", "--measure")
    assert measured.returncode == 0, measured.stderr
    assert "measured" in measured.stdout
    refused = start("--name", "r", "--address", "auto")
    assert refused.returncode == 1
    (line,) = refused.stderr.strip().splitlines()  # the second: a private Ray of a test beside this one is found
    assert "Could not find any running Ray instance" in line or "no Ray cluster answered" in line


def test_workers_import_the_neighbours_of_an_extension(micro: Path, out: Path, tmp_path: Path) -> None:
    """An optimizer and a module that it needs lie beside the space file, not in the working folder."""
    name = write_optimizer(micro.parent, "sign_beside_x")
    module = micro.parent / "sign_beside_x.py"
    module.write_text("from rates_beside_x import POWER\n" + module.read_text().replace("setting(0.5", "setting(POWER"))
    (micro.parent / "rates_beside_x.py").write_text("POWER = 0.25\n")
    micro.write_text(micro.read_text().replace('"lr": 0.01', f'"lr": 0.01, "optimizer": "{name}"'))
    (tmp_path / "elsewhere").mkdir()
    done = run(tmp_path / "elsewhere", micro, out, "ray")
    assert done.returncode == 0, done.stderr
    assert "2 COMPLETED" in done.stdout


@pytest.mark.slow
def test_workers_that_cannot_import_us_are_failures(
    micro: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is retried, and the row says why it failed."""
    hiding = "import sys\nif any('default_worker' in word for word in sys.orig_argv): sys.modules['sweep'] = None\n"
    (tmp_path / "sitecustomize.py").write_text(hiding)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    done = run(tmp_path, micro, out, "ray", "--max-failures", "1")
    assert done.returncode == 4, done.stderr
    assert "2 FAILED" in done.stdout
    assert done.stderr.count("FAILED") >= 3
    assert "worker lost: ModuleNotFoundError: No module named 'sweep" in done.stderr
    assert "no reason given" not in done.stderr
    trials = load_state(RunFolder(out / "r")).trials.values()
    assert {(trial.status, trial.attempt) for trial in trials} == {(Status.FAILED, 2)}


class Deaf:
    """A listener that notes what it hears."""

    stopping = False
    resume_command = ""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def next_job(self) -> Job | None:
        return Job.__new__(Job)

    def started(self, job: Job) -> None:
        self.heard.append("started")

    def reported(self, job: Job, report: TrialReport) -> bool:
        return True

    def lost(self, job: Job, failure: Failure, reason: str) -> None:
        self.heard.append(f"lost: {failure}: {reason}")


def test_a_worker_lost_before_its_trial_started_is_reported(tmp_path: Path) -> None:
    from sweep.execution.ray_backend.adapter import Desk
    from sweep.execution.ray_backend.monitor import RayMonitor
    from tests.sweep.execution.test_watchdog import job_in

    listener, job = Deaf(), job_in(tmp_path)
    listener.next_job = lambda: job  # type: ignore[method-assign]
    desk = Desk(listener, None, RayMonitor([]))
    assert desk.next_job() is job
    desk.lost(job, "Traceback ...\nModuleNotFoundError: No module named 'sweep'")
    assert listener.heard == ["started", "lost: worker lost: ModuleNotFoundError: No module named 'sweep'"]
    job = desk.next_job() or job
    desk.lost(job, "a page\nThe node was running low on memory.\n" + "Refer to " * 99)
    assert listener.heard[-1].startswith("lost: out of memory (host): Ray killed the worker because memory ran low")
    desk.next_job()
    desk.lost(job, "The worker has died. " * 99)
    assert listener.heard[-1].startswith("lost: worker lost: The worker has died.")
    assert len(listener.heard[-1]) < 300
