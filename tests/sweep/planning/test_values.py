"""Numbers of numpy, lists and whole numbers as values of settings and axes."""

from typing import Any

import numpy as np
import pytest

from model.config import TrainConfig
from sweep import Space, choice, grid, quniform, randint, uniform
from sweep.errors import SpaceError
from sweep.planning.axes import Axis
from sweep.planning.config import TuneConfig
from sweep.planning.search_space import SearchSpace
from sweep.planning.space import expand
from sweep.planning.values import plain
from sweep.tuning.searchers import suggest_all


def trained(**arguments: Any) -> list[TrainConfig]:
    return [point.train for point in expand(Space(**arguments), {})]


@pytest.mark.parametrize("values", [[2, 4], (2, 4), range(2, 5, 2), np.array([2, 4])], ids=repr)
def test_an_axis_may_be_given_as_one_list(values: Any) -> None:
    assert grid(values) == grid(2, 4)
    assert choice(values) == choice(2, 4)
    assert [train.batch_size for train in trained(axes={"batch_size": grid(values)})] == [2, 4]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(np.int64(8), 8), (np.float64(0.1), 0.1), (np.float32(0.5), 0.5), (np.array(3), 3), (np.bool_(True), True)],
    ids=repr,
)
def test_numbers_of_numpy_are_numbers(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    assert type(plain(value)) is type(expected)


def test_an_inexact_number_says_what_to_write() -> None:
    with pytest.raises(SpaceError, match=r"0\.10000000149011612, not 0\.1; write 0\.1 as a number of Python"):
        grid(np.float32(0.1))


def test_a_space_of_numpy_has_the_points_of_one_without() -> None:
    numpy = {
        "fixed": {"batch_size": np.int64(4), "lr": np.float64(0.1)},
        "axes": {"lora.rank": grid(np.arange(1, 3)), "lora.dropout": uniform(np.float64(0.0), np.float64(0.5))},
    }
    own = {"fixed": {"batch_size": 4, "lr": 0.1}, "axes": {"lora.rank": grid(1, 2), "lora.dropout": uniform(0.0, 0.5)}}
    assert trained(**numpy) == trained(**own)
    assert repr(trained(**numpy)) == repr(trained(**own))


@pytest.mark.parametrize("axis", [quniform(2, 16, 2), quniform(2.0, 16.0, 2.0), grid(2.0, 4.0), randint(2, 17)])
def test_whole_numbers_may_be_written_as_floats(axis: Axis) -> None:
    sizes = [train.batch_size for train in trained(axes={"batch_size": axis}, samples=20)]
    assert all(type(size) is int and 2 <= size <= 16 for size in sizes)
    space = SearchSpace.of(Space(axes={"batch_size": axis}), {}, 1)
    assert {type(p.train.batch_size) for one in suggest_all(space, 2) for p in one.points} == {int}


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"batch_size": grid(2, 4.5)}, "batch_size: must be int, got 4.5"),
        ({"batch_size": uniform(2, 16)}, r"draws fractions, but batch_size is a whole number; .*randint\(2, 17\)"),
        ({"batch_size": quniform(2, 16, 0.5)}, r"randint\(2, 17\), or quniform with a whole number as q"),
    ],
)
def test_a_fraction_for_a_whole_number_says_what_to_write(axes: dict[str, Axis], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        trained(axes=axes)
    with pytest.raises(SpaceError, match=message):
        SearchSpace.of(Space(axes=axes), {}, TuneConfig().seeds)
