"""The benchmark of the answer: the reference grid's winner, and how searches are judged."""

from pathlib import Path

import pytest

from benchmarks import answer
from benchmarks.answer import grid, point_of, winner
from sweep.reporting.leaderboard import load_rows
from sweep.store.run_folder import RunFolder


def test_the_grid_is_that_of_the_reference_run() -> None:
    right = grid()
    rows = load_rows(RunFolder(answer.REFERENCE))
    assert set(right.means) == {point_of(row) for row in rows}
    assert len(right.means) == 24
    mine = [row["dev_loss"] for row in rows if point_of(row) == right.winner]
    assert right.means[right.winner] == pytest.approx(-sum(mine) / 6)


def test_a_trial_that_was_stopped_cannot_win() -> None:
    row = {"lora.rank": 2, "lora.scale": 1.0, "lora.dropout": 0.1, "dev_loss": 4.0, "status": "COMPLETED"}
    stopped = {**row, "lora.rank": 4, "dev_loss": 3.0, "status": "STOPPED"}
    assert winner([stopped, row]) == "[2, 1.0, 0.1]"


def test_lines_give_the_time_and_the_share_of_right_winners(monkeypatch: pytest.MonkeyPatch) -> None:
    right = grid()
    wrong = min(right.means, key=right.means.__getitem__)

    def search(seed: int, out: Path) -> tuple[float, str]:
        return 40.0 + seed, right.winner if seed else wrong

    monkeypatch.setattr(answer, "search", search)
    time, winners = answer.measure(5)
    assert (time.figure, time.target, time.passes) == (42.0, 60, True)
    assert (winners.figure, winners.target, winners.passes) == (0.8, 0.95, False)
    assert winners.note == "4 of 5 winners are the full fp32 grid's best point or within that point's 95 % interval"
