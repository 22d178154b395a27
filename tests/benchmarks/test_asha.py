"""The ASHA benchmark: replaying recorded trials gives the same search, and its results are judged correctly."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from benchmarks.asha import Truth, search, truth
from sweep.planning.config import TuneConfig
from sweep.store.run_folder import RunFolder
from tests.sweep.conftest import essence, micro, out, poems, sweep

__all__ = ["micro", "out", "poems", "sweep"]


@pytest.mark.parametrize("scheduler", ["asha", "asha-promote"])
def test_replayed_trials_give_the_same_search(
    sweep: Callable[..., Result], micro: Path, out: Path, scheduler: str
) -> None:
    # 8 trials: of fewer, ASHA may stop none, if they happen to start in order from the worst to the best.
    micro.write_text(micro.read_text().replace('"epochs": 2', '"epochs": 3').replace("grid(1, 2)", "grid(1, 2, 3, 4)"))
    inline = ("run", micro, "--executor", "inline", "--no-cache")
    assert sweep(*inline, "--name", "grid").exit_code == 0
    assert sweep(*inline, "--name", "real", "--scheduler", scheduler).exit_code == 0
    replayed = search(str(micro), RunFolder(out / "grid"), TuneConfig(scheduler=scheduler), 1, out / "searches")
    assert essence(replayed.path) == essence(out / "real")
    assert any(row.get("rung") for row in essence(out / "real"))


def test_winner_and_statistical_ties() -> None:
    rows = [
        {"config_json": f'{{"lr": {lr}, "seed": {seed}}}', "value": lr + seed / 100}
        for lr in (1, 2)
        for seed in range(5)
    ]
    found: Truth = truth(rows, lambda row: float(row["value"]))
    worse, best = found.means
    assert found.winner == best
    assert found.found(best)
    assert not found.found(worse)
    assert found.half_width == pytest.approx(2.776445 * 0.0158114 / 5**0.5, rel=1e-5)
