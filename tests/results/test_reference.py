"""The reference runs in git: still readable, and equal to what the README shows."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from sweep.cli.commands import main
from sweep.reporting.leaderboard import load_rows, rows
from sweep.store.run_folder import RunFolder, list_runs
from sweep.store.state import load_state

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results" / "reference"
RUNS = [run.name for run in list_runs(REFERENCE)]


def test_every_combination_of_methods_and_every_task_is_kept() -> None:
    assert {"lora_rank", "combinations", "paraphrase", "sentiment"} <= set(RUNS)
    rows = load_rows(RunFolder(REFERENCE / "combinations"))
    methods = {
        (row.get("smart.lam") is not None, row.get("lora.rank") is not None, row["optimizer"] == "soap") for row in rows
    }
    assert len(methods) == 2**3
    assert {row["status"] for name in RUNS for row in load_rows(RunFolder(REFERENCE / name))} == {"COMPLETED"}


@pytest.mark.parametrize("name", RUNS)
def test_leaderboard_matches_the_ledger(name: str) -> None:
    folder = RunFolder(REFERENCE / name)
    stored = pq.read_table(folder.leaderboard).to_pylist()
    derived = rows(folder, load_state(folder))
    assert [{k: v for k, v in row.items() if v is not None} for row in stored] == [
        {k: v for k, v in row.items() if v is not None} for row in derived
    ]


def test_the_rank_grid_is_sane() -> None:
    """Training fits, and the median and the best row beat the un-tuned base in score and in loss."""
    table = load_rows(RunFolder(REFERENCE / "lora_rank"))
    state = load_state(RunFolder(REFERENCE / "lora_rank"))
    assert len(table) == 144
    for row in table:
        losses = [epoch.losses.train_loss for _, epoch in sorted(state.trials[row["trial_id"]].epochs.items())]
        assert losses[-1] < losses[0]
    by_loss = sorted(table, key=lambda row: row["dev_loss"])
    for row in (table[0], table[71], table[72]):
        assert row["chrf"] > row["base_chrf"]
    for row in (table[0], by_loss[71], by_loss[72]):
        assert row["dev_loss"] < row["base_dev_loss"]


@pytest.mark.parametrize("name", RUNS)
def test_its_table_is_shown_as_the_command_prints_it(name: str) -> None:
    arguments = ["report", name, "--out", str(REFERENCE), "--format", "md"]
    printed = CliRunner().invoke(main, arguments).stdout.strip()
    assert printed in (REFERENCE / "README.md").read_text(encoding="utf-8")


def accuracy(name: str, **settings: object) -> tuple[list[float], list[float]]:
    """Of the rows of a run that have `settings` (dots as double underscores), and of their un-tuned bases, by seed."""
    rows = [
        row
        for row in sorted(load_rows(RunFolder(REFERENCE / name)), key=lambda row: row["seed"])
        if all(row.get(key.replace("__", ".")) == value for key, value in settings.items())
    ]
    return [row["accuracy"] for row in rows], [row["base_accuracy"] for row in rows]


@pytest.mark.parametrize(
    ("name", "settings", "seeds", "majority"),
    [
        ("paraphrase", {"smart__lam": None, "lora__rank": None}, 1, 0.5),
        ("sentiment", {"data": "reviews", "freeze": None}, 6, 0.2),
        ("sentiment", {"data": "verdicts", "freeze": None}, 6, 0.5),
    ],
)
def test_fine_tuning_beats_majority_and_baseline_at_every_seed(
    name: str, settings: dict[str, object], seeds: int, majority: float
) -> None:
    tuned, untuned = accuracy(name, **settings)
    assert len(tuned) == seeds
    assert min(tuned) > majority + 0.1
    assert min(tuned) > max(untuned) + 0.1
