"""Several draws of the texts of every point: `decode.repeats`."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import Result

from sweep.errors import RunError
from sweep.reporting.leaderboard import load_rows, schema, scores_on_test
from sweep.reporting.verdicts.scored import from_rows
from sweep.store.run_folder import RunFolder

Sweep = Callable[..., Result]


def run(sweep: Sweep, space: Path, *settings: str) -> None:
    arguments = [part for setting in settings for part in ("--set", setting)]
    result = sweep(
        "run", space, "--executor", "inline", "--set", "lora.rank=2", "--set", "lora.dropout=0.0", *arguments
    )
    assert result.exit_code == 0, result.output


@pytest.fixture
def repeated(sweep: Sweep, micro: Path, out: Path) -> RunFolder:
    """A run with one point for one draw, and one for four."""
    run(sweep, micro, "decode.repeats=1,4")
    return RunFolder(out / "micro")


def test_one_trial_serves_every_number_of_draws(repeated: RunFolder) -> None:
    rows = load_rows(repeated)
    assert len({row["trial_id"] for row in rows}) == 1
    assert len({row["point_id"] for row in rows}) == 2


def test_score_is_the_mean_over_draws(repeated: RunFolder) -> None:
    single, several = sorted(
        load_rows(repeated), key=lambda row: row["decode.repeats"] or 1 if "decode.repeats" in row else 1
    )
    samples = pq.read_table(repeated.samples).to_pylist()
    alone = [sample["generated"] for sample in samples if sample["point_id"] == single["point_id"]]
    drawn = [sample for sample in samples if sample["point_id"] == several["point_id"]]
    assert [sample["generated"] for sample in drawn if sample["draw"] == 0] == alone
    assert {sample["draw"] for sample in drawn} == {0, 1, 2, 3}
    assert several["chrf_draw_sd"] > 0
    assert several["base_chrf"] is not None
    by_draw = [np.mean([s["chrf"] for s in drawn if s["draw"] == draw]) for draw in range(4)]
    if len(alone) == 1:  # corpus chrF of one text is that of the sentence
        assert several["chrf"] == pytest.approx(np.mean(by_draw))
        assert several["chrf_draw_sd"] == pytest.approx(np.std(by_draw, ddof=1))


def test_sd_is_a_column_and_no_metric(repeated: RunFolder) -> None:
    rows = load_rows(repeated)
    columns = schema(rows).names
    assert {"chrf_draw_sd", "chrf_new_draw_sd"} <= set(columns)
    assert not [name for name in columns if name.startswith("base_") and name.endswith("_sd")]
    assert "chrf_draw_sd" not in schema([row for row in rows if "chrf_draw_sd" not in row]).names
    with pytest.raises(RunError, match="unknown"):
        from_rows(rows, "chrf_draw_sd")


def test_report_shows_it(repeated: RunFolder, sweep: Sweep) -> None:
    output = sweep("report", "micro", "--wide").output
    assert "chrf_draw_sd" in output
    assert "chrf_draw_sd" not in output.split("baseline:")[1]


def test_confirmation_has_the_sd_of_both_splits(repeated: RunFolder, sweep: Sweep, out: Path) -> None:
    result = sweep("confirm", "micro", "--top", "2", "--seeds", "2", "--executor", "inline")
    assert result.exit_code == 0, result.output
    rows = load_rows(RunFolder(out / "micro-confirm"))
    assert scores_on_test(rows) == ("test_chrf", "test_chrf_new")
    assert "test_chrf_draw_sd" in schema(rows).names
    assert [row["test_chrf_draw_sd"] >= 0 for row in rows if "test_chrf_draw_sd" in row] == [True, True]


def test_number_of_draws_scales_the_forecast(repeated: RunFolder, sweep: Sweep, micro: Path) -> None:
    output = sweep("run", micro, "--dry-run", "--set", "decode.repeats=400", "--set", "lora.rank=2").output
    few = sweep("run", micro, "--dry-run", "--set", "lora.rank=2", "--set", "lora.dropout=0.1").output
    assert kibibytes(output) > 20 * kibibytes(few)


def kibibytes(output: str) -> float:
    """The disk space kept, from the forecast."""
    number, unit = output.split("disk       about ")[1].split()[:2]
    return float(number) * {"KiB": 1, "MiB": 1024}[unit]


def test_tasks_without_text_refuse_repeats(sweep: Sweep) -> None:
    result = sweep("run", "paraphrase", "--set", "decode.repeats=3", "--dry-run")
    assert result.exit_code == 2
    assert "decode.repeats: has no effect: task paraphrase generates no text" in result.output
