"""Every shipped space, found by discovery: it loads, is documented, and has the size the paper gives."""

import pytest

from model.tasks import TASKS
from sweep.plan import make_plan
from sweep.registry import SHIPPED, load_space
from sweep.space import unfold

NAMES = sorted(path.stem for path in SHIPPED.glob("*.py") if path.stem != "__init__")

# (points, trainings) of section 4.2 of the paper, as read in the table of grids.
SIZES = {"lora_rank": (24, 24), "lora_scale": (16, 16)}


def test_every_space_has_a_stated_size() -> None:
    assert set(NAMES) == set(SIZES)


@pytest.mark.parametrize("name", NAMES)
def test_a_space_has_the_size_that_it_states(name: str) -> None:
    file = load_space(name)
    plan = make_plan(unfold(file.space, {}), seeds=1)
    points, trainings = SIZES[name]
    assert (len(plan.points), len(plan.trials)) == (points, trainings)
    assert f"{points} points, {trainings} trainings" in file.about.splitlines()[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_space_is_data_and_leaves_the_base_to_the_user(name: str) -> None:
    file = load_space(name)
    assert file.space.task in TASKS
    assert "import ray" not in file.source
    assert "base" not in {**file.space.fixed, **file.space.axes}
    assert len(file.source.splitlines()) < 40


def test_the_rank_grid_is_the_papers() -> None:
    plan = make_plan(unfold(load_space("lora_rank").space, {}), seeds=1)
    assert {point.train.lora.rank for point in plan.points if point.train.lora} == {2, 4, 8, 16, 32, 64}
    assert {point.train.lora.scale for point in plan.points if point.train.lora} == {1.0, 2.0}
    assert {point.train.lora.dropout for point in plan.points if point.train.lora} == {0.05, 0.1}
    settings = {(p.epochs, p.train.batch_size, p.train.lr, p.train.optimizer, p.decode.top_p) for p in plan.points}
    assert settings == {(10, 8, 1e-3, "adamw", 0.9)}
