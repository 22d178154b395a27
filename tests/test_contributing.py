"""CONTRIBUTING.md is correct: its examples are short, complete, and run from outside the package."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", TEXT, re.DOTALL))
LONGEST = 60  # lines
SHORT = ("--set", "epochs=1", "--set", "batch_size=2", "--concurrency", "1", "--name", "r")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with all examples."""
    for name, source in EXAMPLES.items():
        (tmp_path / name).write_text(source)
    return tmp_path


@pytest.fixture
def sweep(folder: Path) -> Run:
    """The command as a process of its own, which works in `folder` unless told otherwise."""

    def call(*arguments: object, cwd: Path = folder) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "sweep.cli", *map(str, arguments), "--out", str(folder / "results")]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)

    return call


@pytest.fixture
def poems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six poems of a few words."""
    path = tmp_path_factory.mktemp("data") / "poems.txt"
    lines = "\n".join(f"the winter came and took leaf {number}," for number in range(5))
    path.write_text("POEMS\n\n" + "\n\n".join(f"{number}\n\n{lines}" for number in range(1, 7)) + "\n")
    return path


def rows(folder: Path, name: str = "r") -> list[dict[str, object]]:
    found: list[dict[str, object]] = pq.read_table(folder / "results" / name / "leaderboard.parquet").to_pylist()
    return found


def on(poems: Path) -> tuple[str, ...]:
    return ("--set", f"data={poems}", "--set", "decode.max_new_tokens=4")


def test_there_is_an_example_of_each_kind() -> None:
    assert {"my_lion.py", "my_bitfit.py", "my_counting.py", "my_latex.py"} <= set(EXAMPLES)
    assert {"lion_betas.py", "bitfit_parts.py", "counting_ranks.py"} <= set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_short(name: str) -> None:
    assert len(EXAMPLES[name].splitlines()) <= LONGEST


@pytest.mark.parametrize("path", re.findall(r"\]\(([\w/.]+)\)|`((?:model|sweep)/[\w/]+\.py)`", TEXT), ids=str)
def test_a_file_that_is_named_exists(path: tuple[str, str]) -> None:
    assert (ROOT / "".join(path)).exists()


def test_an_optimizer_runs_under_ray(
    sweep: Run, folder: Path, poems: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """From another working folder; then its settings are columns, and a report needs neither file nor code."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    strong = ("--set", "lion.beta1=0,0.99", "--set", "lr=0.01", "--set", "epochs=3")
    done = sweep("run", folder / "lion_betas.py", *SHORT, *strong, *on(poems), cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    found = rows(folder)
    assert {row["status"] for row in found} == {"COMPLETED"}
    assert {row["optimizer"] for row in found} == {"my_lion:Lion"}
    assert {row["lion.beta1"] for row in found} == {0.0, 0.99}
    assert {row["lion.beta2"] for row in found} == {0.99}
    assert {row["weight_decay"] for row in found} == {0.1}
    assert len({row["dev_loss"] for row in found}) == 2
    assert {row["optimizer_state_bytes"] for row in found} == {4 * int(str(found[0]["trainable_params"]))}
    (folder / "my_lion.py").unlink()
    table = sweep("report", "r", "--format", "csv", cwd=elsewhere)
    assert table.returncode == 0, table.stderr
    assert "lion.beta1" in table.stdout


def test_a_task_runs_under_ray(sweep: Run, folder: Path) -> None:
    done = sweep("run", "counting_ranks.py", *SHORT)
    assert done.returncode == 0, done.stderr
    found = rows(folder)
    assert {row["task"] for row in found} == {"my_counting:Counting"}
    assert {row["metric"] for row in found} == {"exact"}
    assert all(0 <= float(str(row["exact"])) <= 1 for row in found)
    assert all(row["base_exact"] is not None for row in found)
    printed = sweep("report", "r", "--format", "my_latex:latex")
    assert printed.returncode == 0, printed.stderr
    header, *lines = printed.stdout.splitlines()[1:-1]
    assert header == r"rank & lora.rank & dev\_loss & exact \\ \hline"
    assert len(lines) == 2


def test_a_peft_method_runs(sweep: Run, folder: Path, poems: Path) -> None:
    """It trains what the forecast says; the same command again trains nothing."""
    done = sweep("run", "bitfit_parts.py", *SHORT, *on(poems), "--executor", "inline")
    assert done.returncode == 0, done.stderr
    code = (
        "import json; from sweep.forecast.sizes import sizes; from sweep.store.run_folder import RunFolder;"
        "from sweep.planning.extensions import import_recorded; from pathlib import Path;"
        f"spec = RunFolder(Path({str(folder / 'results' / 'r')!r})).spec; import_recorded(spec.provenance.extensions);"
        "print(json.dumps(sorted(sizes(point.train, None).trainable_params for point in spec.plan.points)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    sizes = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert sizes.stdout.strip() == str(sorted(int(str(row["trainable_params"])) for row in rows(folder))), sizes.stderr
    again = sweep("run", "bitfit_parts.py", *SHORT[:-2], "--name", "again", *on(poems), "--executor", "inline")
    assert again.returncode == 0, again.stderr
    assert {row["status"] for row in rows(folder, "again")} == {"CACHED"}


def test_edited_extension_invalidates_cache_and_resume(sweep: Run, folder: Path, poems: Path) -> None:
    options = (*SHORT, *on(poems), "--executor", "inline")
    stopped = sweep("run", "lion_betas.py", *options, "--budget", "1trials")
    assert sorted(str(row["status"]) for row in rows(folder)) == ["COMPLETED", "PENDING"], stopped.stderr
    shutil.copytree(folder / "results" / "r", folder / "results" / "half")
    resumed = sweep("resume", "r", "--budget", "9trials")
    assert {row["status"] for row in rows(folder)} == {"COMPLETED"}, resumed.stderr
    source = (folder / "my_lion.py").read_text()
    (folder / "my_lion.py").write_text(source.replace(".sign()", ".sign().neg()"))
    refused = sweep("resume", "half")
    assert refused.returncode == 2
    assert "extension my_lion:Lion" in refused.stderr
    again = sweep("run", "lion_betas.py", *options[: len(SHORT) - 2], "--name", "new", *options[len(SHORT) :])
    assert {row["status"] for row in rows(folder, "new")} == {"COMPLETED"}, again.stderr
    assert {row["dev_loss"] for row in rows(folder, "new")} != {row["dev_loss"] for row in rows(folder)}
