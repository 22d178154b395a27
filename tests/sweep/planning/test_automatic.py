"""The precision auto: bf16 where the device has it, fp32 elsewhere and with SMART."""

from typing import Any

import pytest

from sweep import Space, choice, grid
from sweep.errors import SpaceError
from sweep.planning.plan import Point
from sweep.planning.search_space import SearchSpace
from sweep.planning.space import expand

SPACES: dict[str, tuple[Space, dict[str, Any]]] = {
    "fixed": (Space(fixed={"precision": "auto"}), {}),
    "override": (Space(fixed={"precision": "fp32"}), {"precision": "auto"}),
    "axis": (Space(axes={"precision": grid("auto")}), {}),
    "variant": (Space(variants={"fast": {"precision": "auto"}}), {}),
}


def precisions(points: list[Point]) -> list[str | None]:
    return [point.train.precision for point in points]


@pytest.mark.parametrize("name", SPACES)
def test_auto_is_what_the_device_has(name: str) -> None:
    space, overrides = SPACES[name]
    assert precisions(expand(space, overrides, lambda: True)) == ["bf16"]
    assert precisions(expand(space, overrides, lambda: False)) == [None]
    (automatic,), (plain,) = expand(space, overrides, lambda: False), expand(Space(), {})
    assert automatic.point_id == plain.point_id


def test_points_with_smart_stay_in_fp32() -> None:
    space = Space(variants=[{}, {"smart.lam": 1.0}, {"smart.bregman_mu": 0.1}])
    assert precisions(expand(space, {"precision": "auto"}, lambda: True)) == ["bf16", None, None]
    with pytest.raises(SpaceError, match=r"precision: bf16 rounds away .* SMART and Bregman .* or give auto"):
        expand(space, {"precision": "bf16"})


def test_the_device_is_asked_only_if_need_be() -> None:
    expand(Space(axes={"precision": grid("fp32", "bf16")}), {}, lambda: pytest.fail("asked"))


def test_both_precisions_on_an_axis() -> None:
    points = expand(Space(axes={"precision": grid("fp32", "bf16")}), {})
    assert precisions(points) == [None, "bf16"]
    assert points[0].point_id == expand(Space(), {})[0].point_id != points[1].point_id
    assert points[0].trial_id != points[1].trial_id


@pytest.mark.parametrize(("has_bf16", "expected"), [(True, "bf16"), (False, None)])
def test_a_search_resolves_it_for_every_sample(has_bf16: bool, expected: str | None) -> None:
    space = Space(
        axes={"precision": choice("auto"), "lr": grid(0.1, 0.2)}, points_to_evaluate=[{"precision": "auto", "lr": 0.2}]
    )
    searched = SearchSpace.of(space, {}, 1, lambda: has_bf16)
    recorded = SearchSpace.from_dict(searched.as_dict())
    for made in (searched, recorded):
        assert {point.train.precision for point in made.probes()} == {expected}
        assert precisions(list(made.points(made.random(0)))) == [expected]
        assert precisions(list(made.points(made.complete(made.first[0], 0)))) == [expected]
