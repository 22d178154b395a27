"""The files of new users: each is trained on and ranked by one command."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result

from sweep.reporting.leaderboard import load_rows
from sweep.store.run_folder import RunFolder
from tests.model.hub import COMMITS, Hub, serve
from tests.model.tasks.data.new_users import write_pairs, write_poems, write_prompts, write_reviews

Sweep = Callable[..., Result]
FAST = ("--executor", "inline", "--set", "epochs=1", "--set", "lora.rank=2", "--set", "lr=0.01")


def run(sweep: Sweep, out: Path, space: str, *settings: str) -> tuple[list[dict[str, object]], str]:
    result = sweep("run", space, *FAST, *(part for setting in settings for part in ("--set", setting)))
    assert result.exit_code == 0, result.output
    return load_rows(RunFolder(out / space)), result.output


def test_reviews_with_commas_and_stars(sweep: Sweep, tmp_path: Path, out: Path) -> None:
    path = write_reviews(tmp_path / "reviews.csv")
    (row,), _ = run(sweep, out, "classification", f"data={path}")
    assert row["status"] == "COMPLETED"
    assert all(math.isfinite(float(str(row[name]))) for name in ("accuracy", "macro_f1", "mcc", "base_accuracy"))
    record = json.loads((out / "classification" / "run.json").read_text())
    (source,) = record["provenance"]["data"].values()
    assert source["about"] == {
        "columns": {"text": "review", "label": "stars"},
        "classes": ["1", "2", "3", "4", "5"],
        "sizes": {"train": 48, "dev": 6, "test": 6},
        "drawn": "dev=0.1,test=0.1",
    }


def test_reviews_with_moods_in_words(sweep: Sweep, tmp_path: Path, out: Path) -> None:
    path = write_reviews(tmp_path / "reviews.csv")
    rows, _ = run(sweep, out, "classification", f"data={path}", "data.label=mood", "data.split=dev=0.2")
    assert rows[0]["data.label"] == "mood"
    assert rows[0]["data.split"] == "dev=0.2"


def test_pairs_with_tabs(sweep: Sweep, tmp_path: Path, out: Path) -> None:
    path = write_pairs(tmp_path / "pairs.tsv")
    (row,), _ = run(sweep, out, "pairs", f"data={path}")
    assert row["metric"] == "accuracy"
    (other,) = [row for row in load_rows(RunFolder(out / "pairs"))]
    assert other["base_mcc"] is not None


def test_pairs_answered_in_words(sweep: Sweep, tmp_path: Path, out: Path) -> None:
    path = write_pairs(tmp_path / "pairs.tsv")
    (row,), _ = run(sweep, out, "pairs", f"data={path}", "data.answers=no,yes")
    assert row["data.answers"] == "no,yes"
    assert row["status"] == "COMPLETED"


def test_prompts_in_json_lines(sweep: Sweep, tmp_path: Path, out: Path) -> None:
    path = write_prompts(tmp_path / "prompts.jsonl")
    (row,), _ = run(sweep, out, "completion", f"data={path}", "decode.max_new_tokens=4")
    assert all(row[name] is not None for name in ("chrf", "bleu", "rouge_l", "exact_match"))


def test_poems_without_numbers_as_text_and_as_sonnets(sweep: Sweep, tmp_path: Path, out: Path) -> None:
    path = write_poems(tmp_path / "poems.txt")
    (row,), output = run(sweep, out, "text", f"data={path}", "decode.max_new_tokens=4")
    assert row["metric"] == "dev_loss"
    assert math.exp(float(str(row["dev_loss"]))) == pytest.approx(float(str(row["perplexity"])), rel=1e-4)
    assert "beaten by 1 of 1 rows), perplexity" in output
    assert "perplexity" in sweep("report", "text", "--metric", "perplexity").output
    one = ("lora.scale=1.0", "lora.dropout=0.0", "decode.max_new_tokens=4")
    (poems,), _ = run(sweep, out, "lora_rank", f"data={path}", *one)
    assert (poems["status"], poems["task"]) == ("COMPLETED", "sonnets")
    assert math.isfinite(float(str(poems["chrf"])))


def test_seeds_share_their_splits_and_a_run_resumes(sweep: Sweep, tmp_path: Path, out: Path) -> None:
    path = write_reviews(tmp_path / "reviews.csv")
    result = sweep("run", "classification", *FAST, "--set", f"data={path}", "--seeds", "2")
    assert result.exit_code == 0, result.output
    rows = load_rows(RunFolder(out / "classification"))
    assert {row["rank"] for row in rows} == {1, 2}
    again = sweep("run", "classification", *FAST, "--set", f"data={path}", "--seeds", "2")
    assert "nothing is left to compute" in again.output
    path.write_text(path.read_text() + '99,"One more, of amber",good,5\n')
    assert "changed since this run began: data of classification" in sweep("resume", "classification").output


def test_other_splits_are_ranked_apart(sweep: Sweep, tmp_path: Path, out: Path) -> None:
    space = tmp_path / "shares.py"
    path = write_reviews(tmp_path / "reviews.csv")
    space.write_text(
        "from sweep import Space, grid\n"
        f"space = Space(task='classification', fixed={{'data': {str(path)!r}, 'epochs': 1, 'lora.rank': 2}},\n"
        "    axes={'data.split': grid('dev=0.1', 'dev=0.2')})\n"
    )
    assert sweep("run", space, "--executor", "inline").exit_code == 0
    rows = load_rows(RunFolder(out / "shares"))
    assert [row["rank"] for row in rows] == [1, 1]
    assert len({row["base_dev_loss"] for row in rows}) == 2, "each has the baseline of its own split"


def test_objective_metric_is_refused_where_the_loss_ranks(sweep: Sweep) -> None:
    result = sweep("run", "text", "--scheduler", "asha", "--objective", "metric")
    assert result.exit_code == 2
    assert "task text is ranked by its dev loss; omit it" in result.output


def test_tasks_with_numbers_and_names_of_classes_share_a_run(sweep: Sweep, tmp_path: Path, out: Path) -> None:
    path = write_reviews(tmp_path / "reviews.csv")
    space = tmp_path / "mixed.py"
    own = {"task": "classification", "data": str(path), "data.label": "mood"}
    fixed, variants = {"epochs": 1, "batch_size": 64, "lora.rank": 1}, [{"task": "sentiment"}, own]
    space.write_text(f"from sweep import Space\nspace = Space(fixed={fixed}, variants={variants})\n")
    assert sweep("run", space, "--executor", "inline").exit_code == 0
    names = pd.read_parquet(out / "mixed" / "samples.parquet").label_name
    assert set(names.dropna()) == {"bad", "fine", "good"}


def test_runs_with_other_splits_are_not_compared(sweep: Sweep, tmp_path: Path) -> None:
    path = write_reviews(tmp_path / "reviews.csv")
    for name, share in (("one", "dev=0.1"), ("two", "dev=0.2")):
        settings = ("--set", f"data={path}", "--set", f"data.split={share}")
        assert sweep("run", "classification", *FAST, *settings, "--name", name).exit_code == 0
    result = sweep("compare", "one", "two")
    assert result.exit_code == 2
    assert "the runs differ in data.split (one: dev=0.1; two: dev=0.2)" in result.output


def test_data_of_a_hub_are_recorded_with_their_commit(tmp_path: Path) -> None:
    """Offline, the run continues with the same one."""
    rows = [{"text": f"text {n}", "label": n % 2} for n in range(40)]
    (tmp_path / "films").mkdir()
    pd.DataFrame(rows).to_parquet(tmp_path / "films" / "train-00000-of-00001.parquet")
    command = [sys.executable, "-m", "sweep.cli"]
    options = [*FAST, "--set", "data=someone/films", "--out", str(tmp_path), "--budget", "1trials"]
    with serve(Hub({}, datasets={"someone/films": tmp_path / "films"})) as endpoint:
        environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "hub")}
        options[options.index("lora.rank=2")] = "lora.rank=1,2"
        done = subprocess.run(
            [*command, "run", "classification", *options], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 5, done.stderr
    record = json.loads((tmp_path / "classification" / "run.json").read_text())
    (source,) = record["provenance"]["data"].values()
    assert (source["revision"], source["place"]) == (COMMITS["main"], None)
    environment["HF_HUB_OFFLINE"] = "1"
    resume = [*command, "resume", "classification", "--out", str(tmp_path), "--budget", "9trials"]
    done = subprocess.run(resume, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {row["status"] for row in load_rows(RunFolder(tmp_path / "classification"))} == {"COMPLETED"}


TASK = """
from model import TaskSpec
from model.tasks.classification import Task
from model.tasks.data.classification import find

METRICS = ("accuracy", "macro_f1", "mcc")
Mine = TaskSpec(metric="mcc", metrics=METRICS, has_head=True, columns=("text", "label"), load=Task, find=find)
"""


def test_a_task_from_outside_reads_data_settings(sweep: Sweep, tmp_path: Path, out: Path) -> None:
    (tmp_path / "my_own_task.py").write_text(TASK)
    path = write_reviews(tmp_path / "reviews.csv")
    space = tmp_path / "mine.py"
    space.write_text(
        "from sweep import Space, grid\n"
        f"space = Space(task='my_own_task:Mine', fixed={{'data': {str(path)!r}, 'data.label': 'mood', 'epochs': 1}},\n"
        "    axes={'lora.rank': grid(1, 2)})\n"
    )
    result = sweep("run", space, "--executor", "inline")
    assert result.exit_code == 0, result.output
    assert {row["metric"] for row in load_rows(RunFolder(out / "mine"))} == {"mcc"}
    assert sweep("report", "mine").exit_code == 0


MILLION = """
import resource, sys, time
started = time.process_time()
from pathlib import Path
from model.training import Training
from sweep.prepare import RunRequest, prepare

class Stepped(Exception):
    pass

def stop():
    raise Stepped

settings = {"data": sys.argv[1], "epochs": 1}
prepared = prepare(RunRequest(space="pairs", out=Path(sys.argv[2]), settings=settings, executor="inline"))
training = Training(prepared.plan.points[0].train)
try:
    training.run_epoch(stop)
except Stepped:
    print(time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_million_pairs_start_within_a_minute(tmp_path: Path) -> None:
    """From the command to the first step: 60 s of processor time and 1.5 GB at most."""
    path = write_pairs(tmp_path / "pairs.tsv", 1_000_000)
    command = [sys.executable, "-c", MILLION, str(path), str(tmp_path / "runs")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seconds, gigabytes = map(float, done.stdout.split())
    assert seconds < 60
    assert gigabytes < 1.5
