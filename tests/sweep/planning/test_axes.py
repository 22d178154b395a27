"""Axes: what each kind samples, determinism, and conversion of Ray's search spaces."""

import json
import random

import pytest

from sweep import choice, grid, loguniform, quniform, randint, uniform
from sweep.errors import SpaceError
from sweep.planning.axes import Axis, Grid, Random, as_axis, axis_as_list, axis_from_list, is_axis

KINDS = {
    "choice": (choice("a", "b"), lambda value: value in ("a", "b")),
    "uniform": (uniform(-1.0, 2.0), lambda value: -1 <= value <= 2),
    "loguniform": (loguniform(1e-5, 1e-1), lambda value: 1e-5 <= value <= 1e-1),
    "quniform": (quniform(0.0, 1.0, 0.1), lambda value: value in [round(step / 10, 1) for step in range(11)]),
    "randint": (randint(3, 6), lambda value: value in (3, 4, 5)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_samples_stay_in_range_and_cover_it(kind: str) -> None:
    axis, is_valid = KINDS[kind]
    drawn = [axis.sample("lr", index) for index in range(200)]
    assert all(is_valid(value) for value in drawn)
    assert len(set(drawn)) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_samples_depend_on_key_and_index_alone(kind: str) -> None:
    axis = KINDS[kind][0]
    random.seed(1)
    first = [axis.sample("lr", index) for index in range(20)]
    random.seed(2)
    assert [axis.sample("lr", index) for index in range(20)] == first
    assert [axis.sample("dropout", index) for index in range(20)] != first


def test_loguniform_is_uniform_in_the_logarithm() -> None:
    drawn = [loguniform(1e-4, 1.0).sample("lr", index) for index in range(2000)]
    below = sum(value < 1e-2 for value in drawn) / len(drawn)
    assert 0.45 < below < 0.55


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: grid(), "at least one value"),
        (lambda: choice(), "at least one value"),
        (lambda: uniform(1, 1), "low must be below high"),
        (lambda: loguniform(0, 1), "low must be above 0"),
        (lambda: quniform(0.1, 0.2, 0.5), "no multiple of q"),
        (lambda: randint(5, 5), "low must be below high"),
        (lambda: randint(1.5, 4), "randint: low must be a whole number, got 1.5"),  # type: ignore[arg-type]
        (lambda: loguniform("1e-4", 1), r"loguniform: low must be a number, got '1e-4' \(str\)"),  # type: ignore[arg-type]
        (lambda: quniform(0, 1, True), "quniform: q must be a number, got True"),
    ],
)
def test_an_impossible_axis_is_refused(make: object, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        make()  # type: ignore[operator]


def test_rays_own_objects_are_axes() -> None:
    from ray import tune

    assert as_axis("lr", tune.grid_search([1, 2])) == Grid((1, 2))
    ours = {
        "lr": (tune.loguniform(1e-4, 1e-2), loguniform(1e-4, 1e-2)),
        "lora.dropout": (tune.uniform(0.0, 0.5), uniform(0.0, 0.5)),
        "batch_size": (tune.randint(1, 9), randint(1, 9)),
        "lora.scale": (tune.quniform(0.5, 2.0, 0.5), quniform(0.5, 2.0, 0.5)),
        "lora.rank": (tune.choice([2, 4]), choice(2, 4)),
    }
    for key, (theirs, expected) in ours.items():
        axis = as_axis(key, theirs)
        assert isinstance(axis, Random)
        assert [axis.sample(key, i) for i in range(5)] == [expected.sample(key, i) for i in range(5)]


def test_an_unsupported_object_of_rays_is_named() -> None:
    from ray import tune

    with pytest.raises(SpaceError, match=r"axes\['lr'\].*not supported"):
        as_axis("lr", tune.randn(0, 1))


def test_a_plain_value_is_no_axis() -> None:
    assert not is_axis(3)
    assert not is_axis({"grid": [1]})
    with pytest.raises(SpaceError, match=r"axes\['lr'\]: must be grid"):
        as_axis("lr", [1, 2])


def test_the_ends_of_a_range() -> None:
    assert uniform(0.1, 0.2).ends == (0.1, 0.2)
    assert loguniform(1e-4, 1e-1).ends == (1e-4, 1e-1)
    assert randint(2, 5).ends == (2, 4)
    assert quniform(0.05, 0.37, 0.1).ends == (0.1, 0.3)  # the multiples, without the dust of binary fractions


def test_the_values_of_a_range_that_can_be_counted() -> None:
    assert list(randint(2, 5).values or ()) == [2, 3, 4]
    assert quniform(0.05, 0.37, 0.1).values == [0.1, 0.2, 0.3]
    assert uniform(0.1, 0.2).values is None
    assert loguniform(0.1, 0.2).values is None
    assert quniform(0.0, 1.0, 1e-7).values is None  # more than anyone looks through


def test_both_ends_of_quniform_are_multiples() -> None:
    """0.3 / 0.1 is 2.9999999999999996."""
    assert quniform(0.1, 0.3, 0.1).values == [0.1, 0.2, 0.3]
    assert quniform(0.8, 1.0, 0.1).values == [0.8, 0.9, 1.0]
    assert quniform(0.0, 0.6, 0.2).values == [0.0, 0.2, 0.4, 0.6]
    for q in (0.1, 0.05, 0.2, 0.3, 0.01, 1e-3):
        for low in range(30):
            for high in range(low + 1, 60):
                axis = quniform(low * q, float(f"{high * q:.12g}"), q)
                assert axis.steps == (low, high)


def test_randint_takes_whole_floats() -> None:
    assert randint(1.0, 4) == randint(1, 4)  # type: ignore[arg-type]


def test_every_value_of_a_countable_range_is_sampled() -> None:
    for axis in (randint(2, 5), quniform(0.05, 0.37, 0.1)):
        assert {axis.sample("x", index) for index in range(100)} == set(axis.values or ())


def test_a_range_without_a_multiple_is_refused() -> None:
    with pytest.raises(SpaceError, match="no multiple of q lies in the range"):
        quniform(0.11, 0.19, 0.1)


@pytest.mark.parametrize(
    "axis",
    [
        grid(1, "a", None, True),
        choice(0.1, 0.2),
        uniform(0.1, 0.2),
        loguniform(1e-4, 1.0),
        quniform(0.0, 1.0, 0.1),
        randint(2, 9),
    ],
    ids=str,
)
def test_an_axis_survives_json(axis: Axis) -> None:
    again = axis_from_list(json.loads(json.dumps(axis_as_list(axis))))
    assert again == axis
    if not isinstance(axis, Grid):
        assert [again.sample("x", i) for i in range(9)] == [axis.sample("x", i) for i in range(9)]  # type: ignore[union-attr]
