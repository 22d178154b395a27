"""Faults of GPUs under Ray: made-up GPUs break, run out of memory and vanish. Each ends as the documentation says."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import Popen

import pytest

import tests.sweep.execution.made_up_gpus as made_up_gpus
from sweep.reporting.leaderboard import load_rows
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
Spawn = Callable[[Sequence[object]], "Popen[str]"]
ROOT = Path(__file__).parents[4]
MANY = ("--set", "lora.rank=1,2,3,4,5,6", "--set", "epochs=2", "--no-cache")  # 12 trials


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """gpus("A,A", fault="sticky 1 20") gives every process made-up GPUs from now on."""

    def give(names: str, fault: str = "none") -> None:
        folders = [str(Path(made_up_gpus.__file__).parent), str(ROOT), os.environ.get("PYTHONPATH", "")]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(folders))
        monkeypatch.setenv("MADE_UP_GPUS", names)
        monkeypatch.setenv("MADE_UP_TAG", str(os.getpid()))
        monkeypatch.setenv("MADE_UP_FAULT", fault)

    return give


def run(spawn: Spawn, micro: Path, *options: object) -> tuple[int, str]:
    """Run the micro space; return the exit code and what was said."""
    process = spawn(["run", micro, "--name", "r", *options])
    _, stderr = process.communicate(timeout=250)
    return process.returncode, stderr


def test_a_trial_on_a_gpu_names_it(gpus: Callable[..., None], spawn: Spawn, micro: Path, out: Path) -> None:
    gpus("Made Up 80GB")
    code, stderr = run(spawn, micro, "--gpus-per-trial", "1")
    assert code == 0, stderr
    assert {row["device"] for row in load_rows(RunFolder(out / "r"))} == {"Made Up 80GB"}


def test_one_broken_context_costs_one_retry(
    gpus: Callable[..., None], spawn: Spawn, micro: Path, out: Path, tmp_path: Path
) -> None:
    gpus("A,A", f"sticky 1 3000 {tmp_path / 'once'}")
    code, stderr = run(spawn, micro, *MANY, "--gpus-per-trial", "1", "--concurrency", "2")
    assert code == 0, stderr
    trials = load_state(RunFolder(out / "r")).trials.values()
    assert sorted(trial.attempt for trial in trials) == [1] * 12 + [2]
    assert "AcceleratorError: CUDA error: an illegal memory access" in stderr
    assert "not used any more" not in stderr


def test_a_gpu_that_breaks_every_worker_is_given_up(
    gpus: Callable[..., None], spawn: Spawn, micro: Path, out: Path
) -> None:
    """Trials are long, so that the healthy GPU does not finish all of them first."""
    gpus("A,A", "sticky 1 200")
    code, stderr = run(
        spawn, micro, *MANY, "--set", "epochs=60", "--gpus-per-trial", "1", "--concurrency", "2", "--max-failures", "5"
    )
    assert code == 0, stderr
    assert stderr.count("is not used any more") == 1
    assert "GPU 1 of " in stderr
    assert {row["status"] for row in load_rows(RunFolder(out / "r"))} == {"COMPLETED"}


def test_no_gpu_left_stops_the_run(gpus: Callable[..., None], spawn: Spawn, micro: Path, out: Path) -> None:
    gpus("A", "sticky 0 200")
    code, stderr = run(spawn, micro, *MANY, "--gpus-per-trial", "1", "--max-failures", "5")
    assert code == 1, stderr
    assert "Error: no GPU is left: GPU 0 of " in stderr
    assert "resume with: sweep resume r" in stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize("text", ["CUDA~error:~out~of~memory", "CUBLAS_STATUS_ALLOC_FAILED"])
def test_out_of_memory_on_a_share_is_retried_on_a_whole_gpu(
    gpus: Callable[..., None], spawn: Spawn, micro: Path, out: Path, text: str
) -> None:
    gpus("A", f"full {text}")
    code, stderr = run(spawn, micro, "--gpus-per-trial", "0.5", "--concurrency", "2", "--no-cache")
    assert code == 0, stderr
    trials = load_state(RunFolder(out / "r")).trials.values()
    assert sorted(trial.attempt for trial in trials) == [1] + [2] * 4  # the baseline is small
    assert "out of memory (GPU)" in stderr or "AcceleratorError" in stderr
