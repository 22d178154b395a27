"""The benchmark of orchestration overhead, on small numbers."""

from pathlib import Path

from benchmarks.overhead import made_up, plan
from sweep.planning.plan import make_plan
from sweep.planning.registry import load_space
from sweep.planning.space import expand


def test_the_made_up_space_has_the_size_it_is_asked_for(tmp_path: Path) -> None:
    assert len(make_plan(expand(load_space(str(made_up(tmp_path, 7))).space, {}), 1).trials) == 7


def test_planning_is_measured(tmp_path: Path) -> None:
    seconds, megabytes = plan(tmp_path)
    assert seconds > 0
    assert megabytes >= 0
