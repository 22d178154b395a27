"""The benchmark of orchestration overhead, on small numbers."""

from pathlib import Path

import pytest

from benchmarks import overhead
from benchmarks.overhead import made_up, plan, trivial
from sweep.planning.plan import make_plan
from sweep.planning.registry import load_space
from sweep.planning.space import expand


def test_the_made_up_space_has_the_size_it_is_asked_for(tmp_path: Path) -> None:
    assert len(make_plan(expand(load_space(str(made_up(tmp_path, 7))).space, {}), 1).trials) == 7


def test_planning_is_measured(tmp_path: Path) -> None:
    seconds, megabytes = plan(tmp_path)
    assert seconds > 0
    assert megabytes >= 0


def test_a_trivial_trial_is_the_difference_of_slopes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {("ray", 10): 8.0, ("ray", 60): 18.0, ("inline", 10): 2.0, ("inline", 60): 7.0}

    def fake(*arguments: object) -> float:
        points = int(str(arguments[1]).rpartition("_")[2].removesuffix(".py"))
        return seconds[str(arguments[arguments.index("--executor") + 1]), points]

    monkeypatch.setattr(overhead, "sweep", fake)
    assert trivial(tmp_path) == (18 - 8) / 50 - (7 - 2) / 50
