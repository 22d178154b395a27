"""`sweep report`, `compare` and `effects` on a real run with several seeds."""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result
from scipy import stats

from sweep.cli.commands import main  # noqa: F401
from sweep.store.run_folder import RunFolder

Sweep = Callable[..., Result]


@pytest.fixture
def seeded(sweep: Sweep, micro: Path, out: Path) -> pd.DataFrame:
    """The rows of a finished run with three seeds and two settings."""
    result = sweep("run", micro, "--executor", "inline", "--set", "lora.dropout=0.0", "--seeds", 3, "--name", "r")
    assert result.exit_code == 0
    return pd.read_parquet(RunFolder(out / "r").leaderboard)


def test_the_report_lists_settings_with_intervals(sweep: Sweep, seeded: pd.DataFrame) -> None:
    text = sweep("report", "r").stdout
    (header,) = (line for line in text.splitlines() if line.startswith("rank"))
    assert header.split() == ["rank", "lora.rank", "n", "chrf", "dev_loss", "chrf_new"]
    best = seeded.groupby("lora.rank").chrf.mean().max()
    assert f"{best:.3f}" in text
    assert "best chrf: " in text
    assert "seed=" not in text
    assert "PROBLEM: only " in text


def test_json_and_csv_hold_the_figures_of_settings(sweep: Sweep, seeded: pd.DataFrame) -> None:
    found = json.loads(sweep("report", "r", "--format", "json").stdout)
    for one in found:
        scores = seeded[seeded["lora.rank"] == one["lora.rank"]].chrf
        low, high = stats.t.interval(0.95, 2, scores.mean(), stats.sem(scores))
        assert [one["chrf"], one["chrf_low"], one["chrf_high"]] == pytest.approx([scores.mean(), low, high])
    listed = list(csv.DictReader(io.StringIO(sweep("report", "r", "--format", "csv").stdout)))
    assert [float(one["chrf"]) for one in listed] == pytest.approx([one["chrf"] for one in found])
    assert "| rank |" in sweep("report", "r", "--format", "md").stdout


def test_rows_may_be_listed(sweep: Sweep, seeded: pd.DataFrame) -> None:
    assert len(json.loads(sweep("report", "r", "--format", "json", "--rows").stdout)) == 6
    assert len(json.loads(sweep("report", "r", "--format", "json", "--columns", "chrf").stdout)) == 6


def test_compare_equals_a_paired_t_test(sweep: Sweep, seeded: pd.DataFrame) -> None:
    (found,) = json.loads(sweep("compare", "r", "--metric", "dev_loss", "--format", "json").stdout)
    table = seeded.pivot_table(index="seed", columns="lora.rank", values="dev_loss")
    expected = stats.ttest_rel(table[1], table[2])
    assert found["comparison"] == "lora.rank=1 - lora.rank=2"
    assert [found["mean"], found["p"], found["low"]] == pytest.approx(
        [(table[1] - table[2]).mean(), expected.pvalue, expected.confidence_interval().low]
    )
    text = sweep("compare", "r", "--metric", "dev_loss").stdout
    assert text.startswith("dev_loss (smaller is better), paired by seed\nlora.rank=1: ")
    assert "n = 3 paired seeds" in text


def test_compare_reads_its_own_parquet(sweep: Sweep, seeded: pd.DataFrame, out: Path) -> None:
    runs, table = (
        sweep("compare", source, "--format", "csv").stdout for source in ("r", out / "r/leaderboard.parquet")
    )
    assert runs == table


def test_a_margin_makes_settings_equal(sweep: Sweep, seeded: pd.DataFrame) -> None:
    assert ": equal within 1000" in sweep("compare", "r", "--margin", "1000").stdout


def test_differences_over_examples(sweep: Sweep, out: Path) -> None:
    """The score of an example is its mean over the seeds."""
    result = sweep("run", "lora_or_full", "--set", "epochs=1", "--executor", "inline", "--seeds", 2)
    assert result.exit_code == 0
    text = sweep("compare", "lora_or_full", "--examples").stdout
    samples = pd.read_parquet(out / "lora_or_full" / "samples.parquet")
    rows = pd.read_parquet(out / "lora_or_full" / "leaderboard.parquet").set_index("point_id")
    samples["right"] = (samples.predicted == samples.label).astype(float)
    samples["variant"] = samples.point_id.map(rows.variant)
    by_example = samples.pivot_table(index="example", columns="variant", values="right")
    difference = float((by_example["full"] - by_example["LoRA"]).mean())
    (printed,) = re.findall(rf"full - LoRA, over {len(by_example)} dev examples: ([+-][\d.]+) accuracy", text)
    digits = len(printed.partition(".")[2])
    assert float(printed) == pytest.approx(difference, abs=0.501 * 10**-digits)  # it is rounded
    assert "nothing about training again" in text
    assert sweep("compare", "lora_or_full", "--examples", "--metric", "dev_loss").exit_code == 2


def test_effects_of_a_run(sweep: Sweep, seeded: pd.DataFrame) -> None:
    text = sweep("effects", "r").stdout
    assert text.startswith("effects on chrf, 3 seeds")
    assert "| lora.rank | 1 |" in text
    kinds = {one["kind"] for one in json.loads(sweep("effects", "r", "--format", "json").stdout)}
    assert kinds == {"training term", "training level"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compare", "r", "--by", "lr"), "--by lr: does not vary here"),
        (("compare", "r", "--metric", "bleu"), "--metric bleu: unknown. Known: chrf"),
        (("compare", "nowhere"), "nowhere"),
        (("compare", "r", "--tuned"), "--tuned needs 6 common seeds, not 3"),
    ],
)
def test_errors_name_the_remedy(sweep: Sweep, seeded: pd.DataFrame, arguments: tuple[str, ...], message: str) -> None:
    result = sweep(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_question_of_the_readme(sweep: Sweep, out: Path) -> None:
    """Does LoRA beat full fine-tuning? Two commands, and the same figures by hand."""
    assert sweep("run", "lora_or_full", "--seeds", 3, "--executor", "inline").exit_code == 0
    text = sweep("compare", "lora_or_full").stdout
    (found,) = json.loads(sweep("compare", "lora_or_full", "--format", "json").stdout)
    table = pd.read_parquet(RunFolder(out / "lora_or_full").leaderboard)
    scores = table.pivot_table(index="seed", columns="variant", values="accuracy")
    for name in ("full", "LoRA"):
        low, high = stats.t.interval(0.95, 2, scores[name].mean(), stats.sem(scores[name]))
        assert f"{name}: {scores[name].mean():.4f} [{low:.4f}, {high:.4f}], n = 3" in text
    expected = stats.ttest_rel(scores["full"], scores["LoRA"])
    interval = expected.confidence_interval()
    assert found["comparison"] == "full - LoRA"
    assert [found["mean"], found["low"], found["high"], found["p"]] == pytest.approx(
        [(scores["full"] - scores["LoRA"]).mean(), interval.low, interval.high, expected.pvalue]
    )
    word = "undecided" if expected.pvalue > 0.05 else "better" if found["mean"] > 0 else "worse"
    assert found["word"] == word
