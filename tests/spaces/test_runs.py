"""Every shipped space runs completely on `tiny` for one epoch."""

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from model.pretrained.files import RELEASED
from model.task_specs import TASKS
from sweep.planning.plan import make_plan
from sweep.planning.registry import load_space
from sweep.planning.space import expand
from sweep.reporting.leaderboard import load_rows
from sweep.store.run_folder import RunFolder
from tests.model.folders import SHAPE, random_model, write_base
from tests.model.hub import Hub, serve
from tests.spaces.test_spaces import NAMES


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A hub on this machine with small random models in the places of GPT-2 small and large."""
    folder = tmp_path_factory.mktemp("hub")
    large = replace(SHAPE, n_layer=4, n_embd=48)
    repositories = {
        RELEASED["gpt2"]: write_base(folder / "gpt2"),
        RELEASED["gpt2-large"]: write_base(folder / "gpt2-large", random_model(large, gain=1)),
    }
    with serve(Hub(repositories)) as address:
        yield address


@pytest.mark.slow
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("name", NAMES)
def test_a_space_runs_from_end_to_end(name: str, tmp_path: Path, hub: str) -> None:
    """Every axis in full, every point scored."""
    environment = {**os.environ, "HF_ENDPOINT": hub, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "hub")}
    command = [sys.executable, "-m", "sweep.cli", "run", name, "--set", "epochs=1", "--out", str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    points = make_plan(expand(load_space(name).space, {"epochs": 1}), seeds=1).points
    rows = load_rows(RunFolder(tmp_path / name))
    assert {row["point_id"] for row in rows} == {point.point_id for point in points}
    for row in rows:
        assert row["status"] == "COMPLETED"
        assert all(math.isfinite(row[metric]) for metric in TASKS[row["task"]].metrics)
        assert row["base_dev_loss"] is not None
