"""Runs that settle a comparison or confirm the best settings."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result

from sweep.errors import RunError
from sweep.follow_up import confirm_run, settle_run
from sweep.statistics.sequential import settle as replay
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state
from tests.model.tasks.data.new_users import write_poems

Sweep = Callable[..., Result]
RANKS = "lora.rank=1 vs lora.rank=2"


@pytest.fixture
def parent(sweep: Sweep, micro: Path, out: Path) -> RunFolder:
    """A finished run of two settings with two seeds."""
    arguments = ("--executor", "inline", "--set", "lora.dropout=0.0", "--seeds", 2, "--name", "r")
    assert sweep("run", micro, *arguments).exit_code == 0
    return RunFolder(out / "r")


def test_settle_adds_seeds_until_decided(sweep: Sweep, parent: RunFolder, out: Path) -> None:
    """The decision is that of replaying all pairs; the parent's seeds are not trained again."""
    result = sweep("settle", "r", RANKS, "--metric", "dev_loss", "--executor", "inline", "--max-seeds", 5)
    assert result.exit_code == 0
    folder = RunFolder(out / "r-settle")
    table = pd.read_parquet(folder.leaderboard)
    scores = table.pivot_table(index="seed", columns="lora.rank", values="dev_loss")
    event, expected = load_state(folder).settled, replay(list(scores[1] - scores[2]), 5)
    assert (event.decision, event.pairs) == (expected.decision, expected.pairs)
    assert len(scores) == expected.pairs
    assert list(table.sort_values("seed").status[:4]) == ["CACHED"] * 4
    assert "lora.rank=1 - lora.rank=2: " in result.stdout + result.stderr
    assert "(group-sequential t test)" in sweep("report", "r-settle").stdout


def test_repeating_settle_changes_nothing(sweep: Sweep, parent: RunFolder, out: Path) -> None:
    for _ in range(2):
        assert sweep("settle", "r", RANKS, "--executor", "inline", "--max-seeds", 3).exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == ["r", "r-settle"]
    assert len(load_state(RunFolder(out / "r-settle")).suggestions) == 3


@pytest.mark.parametrize(
    ("versus", "message"),
    [
        ("lora.rank=1", "name two sides"),
        ("lora.rank=1 vs lora.rank=3", "no row has lora.rank=3"),
        ("lora.rank=1 vs lora.rank=1", "names the same configuration twice"),
        ("lr=0.01 vs lora.rank=1", "stands for 2 configurations"),
    ],
)
def test_sides_must_be_two_settings(parent: RunFolder, versus: str, message: str) -> None:
    with pytest.raises(RunError, match=message):
        settle_run(parent, versus)


def test_confirm_uses_fresh_seeds_and_the_test_split(sweep: Sweep, parent: RunFolder, out: Path) -> None:
    result = sweep("confirm", "r", "--top", 1, "--seeds", 2, "--executor", "inline")
    assert result.exit_code == 0
    table = pd.read_parquet(out / "r-confirm" / "leaderboard.parquet")
    assert set(table.seed) == {2, 3}
    assert table.test_chrf.notna().all()
    assert table.base_test_chrf.notna().all()
    assert "fresh seeds; the test split was not used to choose" in result.stdout + result.stderr
    assert [event.run for event in load_state(parent).confirmations] == ["r-confirm"]


def test_confirm_reports_the_test_perplexity_if_ranked_by_dev_loss(sweep: Sweep, tmp_path: Path, out: Path) -> None:
    """The test split has no dev loss."""
    poems = write_poems(tmp_path / "poems.txt")
    space = tmp_path / "text.py"
    space.write_text(
        f"from sweep import Space, grid\nspace = Space(fixed={{'task': 'text', 'data': {str(poems)!r}, 'base': 'tiny', "
        "'epochs': 1, 'decode.max_new_tokens': 3}, axes={'lr': grid(0.001, 0.003)})\n"
    )
    assert sweep("run", space, "--executor", "inline", "--name", "t").exit_code == 0
    result = sweep("confirm", "t", "--top", 1, "--seeds", 2, "--executor", "inline")
    table = pd.read_parquet(out / "t-confirm" / "leaderboard.parquet")
    assert table.test_perplexity.notna().all()
    assert "chosen with perplexity " in result.stdout
    assert f"{table.test_perplexity.mean():.1f}" in result.stdout
    assert " on test" in result.stdout


def test_another_confirmation_is_asked_for_and_counted(sweep: Sweep, parent: RunFolder, out: Path) -> None:
    for arguments in ((), (), ("--again",)):
        assert sweep("confirm", "r", "--top", 1, "--seeds", 2, "--executor", "inline", *arguments).exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == ["r", "r-confirm", "r-confirm-2"]
    assert set(pd.read_parquet(out / "r-confirm-2" / "leaderboard.parquet").seed) == {4, 5}
    assert "the run was confirmed once before" in sweep("report", "r-confirm-2").stdout


def test_no_other_command_scores_the_test_split(
    sweep: Sweep, parent: RunFolder, micro: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every evaluation of the model goes through Training.evaluate."""
    from model.training import Training

    splits, evaluate = [], Training.evaluate

    def recorded(self: Training, decode: object, split: str = "dev") -> object:
        splits.append(split)
        return evaluate(self, decode, split)

    monkeypatch.setattr(Training, "evaluate", recorded)
    sweep("run", micro, "--executor", "inline", "--name", "s", "--no-cache")
    sweep("run", micro, "--executor", "inline", "--name", "t", "--scheduler", "asha", "--objective", "metric")
    sweep("settle", "r", RANKS, "--executor", "inline", "--max-seeds", 3)
    sweep("run", micro, "--dry-run", "--measure")
    for command in (("report", "s"), ("compare", "s", "--by", "lora.rank"), ("effects", "s"), ("status", "s"), ("ls",)):
        sweep(*command)
    assert set(splits) == {"dev"}
    sweep("confirm", "r", "--top", 1, "--seeds", 2, "--executor", "inline")
    assert set(splits) == {"dev", "test"}


def test_a_run_without_scores_cannot_be_confirmed(sweep: Sweep, micro: Path, out: Path) -> None:
    sweep("run", micro, "--executor", "inline", "--name", "r", "--budget", "0trials")
    with pytest.raises(RunError, match="no finished configuration to confirm"):
        confirm_run(RunFolder(out / "r"))
