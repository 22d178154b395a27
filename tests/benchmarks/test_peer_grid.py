"""The comparison with the peer: its lines, the scaling of the sample, and the check of the scores."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks import peer_grid
from benchmarks.peer_grid import DECODING_SPACE, check_scores, measure, whole_grid
from benchmarks.peer_sonnets import TRAININGS
from sweep.planning.plan import make_plan
from sweep.planning.registry import load_space
from sweep.planning.space import expand


def table(dev_loss: float = 4.5, chrf: float = 40.0, **columns: Any) -> pd.DataFrame:
    """Two points whose mean chrF has a standard error of 0.1."""
    return pd.DataFrame({"dev_loss": [dev_loss, dev_loss], "chrf": [chrf - 0.1, chrf + 0.1], **columns})


def test_our_decoding_grid_has_the_peers_points(tmp_path: Path) -> None:
    space = tmp_path / "decoding_grid.py"
    space.write_text(DECODING_SPACE.format(**TRAININGS))
    points = expand(load_space(str(space)).space, {})
    trainings = {(point.train.batch_size, point.train.lr, point.epochs) for point in points}
    assert len(points) == 204
    assert trainings == {(size, lr, epochs) for size in (8, 16) for lr in (1e-4, 1e-3) for epochs in (1, 2, 4)}
    assert {(point.train.optimizer, point.train.lora) for point in points} == {("adamw", None)}
    assert len(make_plan(points, 1).trials) == 4


def test_equal_scores_pass() -> None:
    check_scores(table(), table(dev_loss=4.54, chrf=40.4))  # 0.9 %, 2.8 standard errors of the difference


@pytest.mark.parametrize(("other", "what"), [({"dev_loss": 4.56}, "dev loss"), ({"chrf": 40.5}, "chrF")])
def test_unequal_scores_void_the_comparison(other: dict[str, float], what: str) -> None:
    with pytest.raises(AssertionError, match=f"void: the mean {what}"):
        check_scores(table(), table(**other))


def test_a_sample_is_scaled_to_the_grid() -> None:
    """Of 30 s, 2 x 10 s / 2 workers are points; they stand for 1 + 4 points of 10 s, 3 more on two workers."""
    sample = table(weight=[1, 4], seconds=[10.0, 10.0], workers=[2, 2])
    assert whole_grid(30.0, sample) == 30 + 3 * 10 / 2


@pytest.fixture
def fake_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {("rank", "fp32"): 300.0, ("rank", "bf16"): 360.0, ("decoding", "fp32"): 200.0}
    sample: dict[str, Any] = {"weight": [3, 3], "seconds": [100.0, 100.0], "workers": [2, 2]}
    monkeypatch.setattr(peer_grid, "peer", lambda study, precision="fp32": (seconds[study, precision], table(**sample)))
    monkeypatch.setattr(peer_grid, "ours", lambda precision: ({"fp32": 150.0, "auto": 120.0}[precision], table()))
    monkeypatch.setattr(peer_grid, "our_decoding_grid", lambda: 20.0)


@pytest.mark.usefixtures("fake_runs")
def test_three_lines_are_measured() -> None:
    lines = list(measure(autocast=True))
    assert [(line.row, line.figure, line.target, line.passes) for line in lines] == [
        (1, 150 / 300, 0.58, True),
        (1, 120 / 300, 0.45, True),
        (2, (200 + 4 * 100 / 2) / 20, 20, True),
    ]
    assert lines[0].note == "150 s against 300 s"
    assert lines[1].note == "120 s against 300 s; the peer under autocast to bf16: 360 s"
    assert lines[2].note.startswith("400 s against 20 s; the peer's time is extrapolated from 28 points")
    assert [line.quartiles for line in lines] == [None, None, None]


@pytest.mark.usefixtures("fake_runs")
def test_it_prints_a_line_for_each(capsys: Any) -> None:
    peer_grid.main(pairs=3)
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[:3] for row in rows[1:]] == [
        ["0.50", "<=0.58", "3"],
        ["0.40", "<=0.45", "3"],
        ["20.00", ">=20", "3"],
    ]
    assert rows[1].endswith("(150 s against 300 s) (quartiles 0.50 to 0.50)")


@pytest.mark.usefixtures("fake_runs")
def test_unequal_scores_end_the_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_grid, "ours", lambda precision: (150.0, table(dev_loss=5.0)))
    with pytest.raises(AssertionError, match="void"):
        list(measure())
