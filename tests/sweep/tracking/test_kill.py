"""A real process that is killed and resumed: no tracker has a step twice, and none is left broken."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import Popen

import pytest

from sweep.store.run_folder import RunFolder
from sweep.tracking.mlflow import MLflow
from tests.sweep.tracking import test_mlflow, test_tensorboard, test_trackio, test_wandb

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")  # mlflow uses it
CREATE = "import pathlib, sys; from sweep.tracking.mlflow import MLflow; MLflow(pathlib.Path(sys.argv[1]), 'micro')"
LOG = ("--log", "tensorboard,mlflow,wandb,trackio", "--executor", "inline")


@pytest.mark.slow
def test_a_killed_process_leaves_no_doubled_steps(
    spawn: Callable[[Sequence[object]], "Popen[str]"], micro: Path, out: Path
) -> None:
    run = RunFolder(out / "micro")
    first = spawn(["run", micro, "--set", "epochs=20", *LOG])
    while not run.ledger.exists() or run.ledger.read_text().count('"event":"epoch"') < 30:
        assert first.poll() is None
        time.sleep(0.05)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    again = spawn(["resume", "micro", *LOG])
    _, errors = again.communicate()
    assert again.returncode == 0, errors
    assert "switched off" not in errors
    assert test_tensorboard.shown(run.path / "tensorboard") == test_tensorboard.expected(run)
    assert test_mlflow.shown(run.path / "mlflow", run) == test_mlflow.expected(run)
    wanted = test_wandb.expected(run)
    assert test_wandb.shown_at_last(run.path / "wandb", wanted) == wanted
    assert test_trackio.shown(run.path / "trackio", run) == test_trackio.expected(run)
    assert {len(steps) for steps in test_wandb.shown(run.path / "wandb").values()} == {20}


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 100_000])  # bytes that the unfinished file has when the process is killed
def test_a_process_killed_while_mlflow_creates_its_tables_leaves_no_broken_file(tmp_path: Path, size: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", CREATE, str(tmp_path)])
    while not [one for one in tmp_path.glob("unfinished-*.db") if one.exists() and one.stat().st_size >= size]:
        assert process.poll() is None
        time.sleep(0.001)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "mlflow.db").exists()
    assert list(tmp_path.glob("unfinished-*.db"))
    MLflow(tmp_path, "micro")
    assert test_mlflow.shown(tmp_path, RunFolder(tmp_path / "micro")) == {}
    assert {one.name for one in tmp_path.iterdir()} == {"mlflow.db", "mlflow.lock"}
