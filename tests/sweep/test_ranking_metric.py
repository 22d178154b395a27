"""What ranks rows: `--metric` and Space(metric=...)."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

import sweep as api
from sweep.errors import SpaceError
from sweep.planning.ranking import ranking_metric
from sweep.progress.state import ProgressState
from sweep.reporting.leaderboard import load_rows
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state

Sweep = Callable[..., Result]
INLINE = ("--executor", "inline")


def test_rows_are_ranked_by_it(sweep: Sweep, micro: Path, out: Path) -> None:
    result = sweep("run", micro, *INLINE, "--metric", "dev_loss")
    assert result.exit_code == 0
    folder = RunFolder(out / "micro")
    rows = load_rows(folder)
    losses = [row["dev_loss"] for row in rows]
    assert losses == sorted(losses)
    assert [row["rank"] for row in rows] == [1, 2, 3, 4]
    assert {row["metric"] for row in rows} == {"dev_loss"}
    assert "best dev_loss (lower is better): " in result.output
    assert "best chrf" not in result.output
    assert f"best dev_loss {losses[0]:.3f}" in sweep("ls").output


def test_progress_follows_it(sweep: Sweep, micro: Path, out: Path) -> None:
    assert sweep("run", micro, *INLINE, "--metric", "dev_loss").exit_code == 0
    folder = RunFolder(out / "micro")
    progress, state, best = ProgressState(folder), load_state(folder), load_rows(folder)[0]
    assert progress.metric == "dev_loss"
    assert progress.best_of(state, best["trial_id"]) == best["dev_loss"]
    (line,) = progress.best_lines(state)
    assert line.startswith(f"best dev_loss so far: {best['dev_loss']:.3f} at ")
    assert f"(baseline {best['base_dev_loss']:.3f})" in line


def test_report_may_rank_by_another(finished: Path, sweep: Sweep) -> None:
    def scores(*options: str) -> list[float]:
        output = sweep("report", "micro", "--format", "json", *options).output
        return [row["dev_loss"] for row in json.loads(output)]

    assert scores("--metric", "dev_loss") == sorted(scores())
    assert "best chrf_new:" in sweep("report", "micro", "--metric", "chrf_new").output
    assert scores("--metric", "chrf") == scores()
    refused = sweep("report", "micro", "--metric", "chrff")
    assert refused.exit_code == 2
    assert "unknown name 'chrff': did you mean 'chrf'? Known: dev_loss, chrf, chrf_new" in refused.output


def test_a_space_may_set_it_and_the_command_has_the_last_word(sweep: Sweep, micro: Path, out: Path) -> None:
    micro.write_text(micro.read_text().replace("space = Space(", 'space = Space(\n    metric="chrf_new",'))
    assert sweep("run", micro, *INLINE).exit_code == 0
    assert sweep("run", micro, *INLINE, "--metric", "chrf").exit_code == 0
    assert {RunFolder(out / name).spec.metric for name in ("micro", "micro-2")} == {"chrf_new", None}
    assert {row["metric"] for row in load_rows(RunFolder(out / "micro"))} == {"chrf_new"}
    assert {row["status"] for row in load_rows(RunFolder(out / "micro-2"))} == {"CACHED"}


def test_unknown_names_are_refused_before_anything_starts(sweep: Sweep, micro: Path, out: Path) -> None:
    result = sweep("run", micro, *INLINE, "--metric", "accuracy")
    assert result.exit_code == 2
    assert "metric: unknown name 'accuracy': Known: dev_loss, chrf, chrf_new" in result.output
    assert not out.exists()


def test_python_takes_it_too(micro: Path, out: Path) -> None:
    run = api.run(micro, out=out, executor="inline", metric="dev_loss", progress=False)
    assert run.best()["dev_loss"] == run.leaderboard()["dev_loss"].min()
    assert run.leaderboard("chrf")["chrf"].is_monotonic_decreasing


def test_several_tasks_need_a_common_metric() -> None:
    assert ranking_metric("macro_f1", ["paraphrase", "sentiment"]) == "macro_f1"
    assert ranking_metric("accuracy", ["paraphrase", "sentiment"]) is None  # their main one
    assert ranking_metric("dev_loss", ["sonnets", "sentiment"]) == "dev_loss"
    with pytest.raises(SpaceError, match="Known: dev_loss"):
        ranking_metric("chrf", ["sonnets", "sentiment"])
