"""The runs kept in git: still readable, still what the README shows."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from sweep.cli import main
from sweep.leaderboard import load_rows, rows
from sweep.run_folder import RunFolder, list_runs
from sweep.state import state_of

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results" / "reference"
RUNS = [run.name for run in list_runs(REFERENCE)]


def test_there_is_one() -> None:
    assert "lora_rank" in RUNS


@pytest.mark.parametrize("name", RUNS)
def test_its_leaderboard_is_what_its_ledger_says(name: str) -> None:
    folder = RunFolder(REFERENCE / name)
    stored = pq.read_table(folder.leaderboard).to_pylist()
    derived = rows(folder, state_of(folder))
    assert [{k: v for k, v in row.items() if v is not None} for row in stored] == [
        {k: v for k, v in row.items() if v is not None} for row in derived
    ]


def test_the_rank_grid_is_sane() -> None:
    """Training fits, and the median and the best row beat the un-tuned base in score and in loss."""
    table = load_rows(RunFolder(REFERENCE / "lora_rank"))
    state = state_of(RunFolder(REFERENCE / "lora_rank"))
    assert len(table) == 24
    for row in table:
        losses = [epoch["losses"]["train_loss"] for _, epoch in sorted(state.trials[row["trial_id"]].epochs.items())]
        assert losses[-1] < losses[0]
    by_loss = sorted(table, key=lambda row: row["dev_loss"])
    for row in (table[0], table[11], table[12]):
        assert row["chrf"] > row["base_chrf"]
    for row in (table[0], by_loss[11], by_loss[12]):
        assert row["dev_loss"] < row["base_dev_loss"]


def test_the_readme_shows_it_as_the_command_prints_it() -> None:
    arguments = ["report", "lora_rank", "--out", str(REFERENCE), "--format", "md"]
    printed = CliRunner().invoke(main, arguments).stdout.strip()
    assert printed in (ROOT / "README.md").read_text(encoding="utf-8")
