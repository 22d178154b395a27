"""A run whose points belong to different tasks: each is shown and ranked by its own task's metric."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

import sweep as api
from sweep.planning.config import TuneConfig
from sweep.prepare import RunRequest, prepare
from sweep.progress.state import ProgressState
from sweep.reporting.columns import table_columns
from sweep.reporting.leaderboard import load_rows
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state

Sweep = Callable[..., Result]
SPACE = """from sweep import Space

space = Space(
    fixed={{"epochs": 1, "batch_size": 4, "lr": 0.01}},
    variants=[
        {{"task": "sonnets", "data": {poems!r}, "decode.max_new_tokens": 4}},
        {{"task": "paraphrase", "data": {pairs!r}}},
        {{"task": "sentiment", "data": {reviews!r}}},
    ],
)
"""
PAIRS = "id\tsentence1\tsentence2\tis_duplicate\n" + "".join(
    f"{n}\tis it {n}\tis it {n % 3}\t{n % 2}\n" for n in range(8)
)
REVIEWS = "\tid\tsentence\tsentiment\n" + "".join(f"{n}\t{n}\tfine {n}\t{n % 2}\n" for n in range(8))


@pytest.fixture
def mixed(tmp_path: Path, poems: Path) -> Path:
    """A space of three tasks, two of which share their metrics."""
    for name, content in (("pairs", PAIRS), ("reviews", REVIEWS)):
        for split in ("train", "dev"):
            (tmp_path / f"{name}-{split}.csv").write_text(content)
    path = tmp_path / "mixed.py"
    path.write_text(SPACE.format(poems=str(poems), pairs=str(tmp_path / "pairs"), reviews=str(tmp_path / "reviews")))
    return path


def test_it_runs_resumes_and_reports(sweep: Sweep, mixed: Path, out: Path) -> None:
    begun = sweep("run", mixed, "--executor", "inline", "--budget", "1trials")
    assert begun.exit_code == 5, begun.output
    assert "mixed: 3 points: 1 COMPLETED, 2 PENDING; stopped" in sweep("status").stdout
    ended = sweep("resume", "mixed", "--budget", "9trials")
    assert ended.exit_code == 0, ended.output
    told = {line.split()[2]: line for line in ended.stderr.splitlines() if "epoch 1/1" in line and "COMPLETED" in line}
    assert all("  accuracy 0." in line and "chrf" not in line for line in told.values())
    assert re.findall(r"^task \w+.*: (best \w+):", ended.stdout, re.MULTILINE) == [
        "best accuracy",
        "best accuracy",
        "best chrf",
    ]
    assert "baseline: paraphrase dev_loss " in ended.stdout
    assert "; sonnets dev_loss " in ended.stdout
    rows = load_rows(RunFolder(out / "mixed"))
    assert {(row["task"], row["metric"], row["rank"]) for row in rows} == {
        ("sonnets", "chrf", 1),
        ("paraphrase", "accuracy", 1),
        ("sentiment", "accuracy", 1),
    }
    assert sweep("ls").stdout.count("accuracy") == 2
    for form in ("table", "md"):
        assert sweep("report", "--format", form, "--wide").exit_code == 0


def test_no_column_is_repeated(sweep: Sweep, mixed: Path, out: Path) -> None:
    assert sweep("run", mixed, "--executor", "inline").exit_code == 0
    names = table_columns(load_rows(RunFolder(out / "mixed")))
    assert len(names) == len(set(names))
    header = next(csv.reader(io.StringIO(sweep("report", "--format", "csv").stdout)))
    assert len(header) == len(set(header))
    state = load_state(RunFolder(out / "mixed"))
    progress = ProgressState(RunFolder(out / "mixed"))
    assert progress.metric == "metric"
    assert [line.split()[1] for line in progress.best_lines(state)] == ["chrf", "accuracy", "accuracy"]
    run = api.open_run(out / "mixed")
    assert set(run.curves().columns) >= {"chrf", "accuracy"}
    assert run.status().is_done


def test_a_search_does_not_compare_tasks(sweep: Sweep, mixed: Path, out: Path) -> None:
    refused = sweep("run", mixed, "--search", "tpe", "--num-samples", "3")
    assert refused.exit_code == 2
    assert "several values of task (sonnets, paraphrase, sentiment)" in refused.stderr
    tune_config = TuneConfig(search="random", num_samples=3)
    assert prepare(RunRequest(space=str(mixed), out=out, tune_config=tune_config)).plan.points
