"""Spaces: how they expand, and the errors that are found before a run starts."""

from collections.abc import Sequence
from typing import Any

import pytest

from model.config import DecodeConfig, TrainConfig
from sweep import Space, choice, grid, uniform
from sweep.errors import SpaceError
from sweep.planning.plan import Point, make_plan
from sweep.planning.space import branches, expand


def trains(points: Sequence[Point]) -> list[TrainConfig]:
    return [point.train for point in points]


def decodings(points: Sequence[Point]) -> list[DecodeConfig | None]:
    return [point.decode for point in points]


def test_grid_axes_multiply_in_file_order() -> None:
    points = expand(Space(axes={"lora.rank": grid(2, 4), "lr": grid(0.1, 0.2)}), {})
    assert [(train.lora.rank, train.lr) for train in trains(points) if train.lora] == [
        (2, 0.1),
        (2, 0.2),
        (4, 0.1),
        (4, 0.2),
    ]


def test_decoding_may_be_a_list_or_hold_axes() -> None:
    listed = expand(Space(decoding=[{"top_p": 0.9}, {"top_k": 4}]), {})
    assert [decode for decode in decodings(listed)] == [DecodeConfig(top_p=0.9), DecodeConfig(top_k=4)]
    axis = expand(Space(decoding={"top_p": grid(0.9, 0.95, 0.98)}), {})
    assert [decode and decode.top_p for decode in decodings(axis)] == [0.9, 0.95, 0.98]


def test_variants_are_a_union_and_can_switch_a_method_off() -> None:
    space = Space(fixed={"lora.rank": 4, "lora.scale": 2.0}, variants=[{}, {"lora": None}, {"lora.rank": grid(8, 16)}])
    ranks = [train.lora.rank if train.lora else None for train in trains(expand(space, {}))]
    assert ranks == [4, None, 8, 16]


@pytest.mark.parametrize("space", [Space(milestones=(5, 10)), Space(axes={"epochs": grid(5, 10)})])
def test_milestones_and_an_epochs_axis_are_the_same(space: Space) -> None:
    assert [train.epochs for train in trains(expand(space, {}))] == [5, 10]


def test_overrides_replace_settings_and_whole_axes() -> None:
    space = Space(fixed={"epochs": 10}, axes={"lora.rank": grid(2, 4), "lr": grid(0.1, 0.2)})
    points = expand(space, {"epochs": 1, "lora.rank": 8, "lr": grid(0.3)})
    assert points == [Point(TrainConfig(epochs=1, lr=0.3, lora={"rank": 8}), DecodeConfig())]  # type: ignore[arg-type]


def test_random_axes_are_sampled_at_every_grid_point() -> None:
    space = Space(axes={"lr": uniform(0.1, 0.2), "batch_size": grid(2, 4)}, samples=3)
    points = expand(space, {})
    assert len({train.lr for train in trains(points)}) == 6
    assert expand(space, {}) == points


def test_repeated_samples_are_dropped() -> None:
    assert len(expand(Space(axes={"batch_size": choice(2, 4)}, samples=50), {})) == 2


def test_new_axis_does_not_change_other_samples() -> None:
    alone = expand(Space(axes={"lr": uniform(0.1, 0.2)}, samples=3), {})
    both = expand(
        Space(axes={"lr": uniform(0.1, 0.2), "lora.dropout": uniform(0, 0.5)}, fixed={"lora.rank": 2}, samples=3), {}
    )
    assert [train.lr for train in trains(alone)] == [train.lr for train in trains(both)]


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({"fixed": {"lora.rnk": 2}}, "unknown name 'lora.rnk': did you mean 'lora.rank'"),
    "unknown decoding key": ({"decoding": {"topp": 0.9}}, "did you mean 'decode.top_p'"),
    "wrong type": ({"fixed": {"batch_size": "8"}}, "batch_size: must be int, got '8'"),
    "a bool is no number": ({"fixed": {"epochs": True}}, "epochs: must be int"),
    "rank 0": ({"axes": {"lora.rank": grid(0)}}, "lora.rank: must be at least 1, got 0"),
    "dropout 1.5": ({"fixed": {"lora.rank": 1, "lora.dropout": 1.5}}, "lora.dropout: must be below 1, got 1.5"),
    "top_p 0": ({"decoding": {"top_p": 0.0}}, "decode.top_p: must be above 0, got 0"),
    "top_k 0": ({"decoding": {"top_k": 0}}, "decode.top_k: must be at least 1"),
    "epochs -1": ({"fixed": {"epochs": -1}}, "epochs: must be at least 0, got -1"),
    "lr nan": ({"fixed": {"lr": float("nan")}}, "lr: must be a finite number"),
    "unknown task": ({"task": "sonets"}, "did you mean 'sonnets'"),
    "not an axis": ({"axes": {"lr": [1, 2]}}, r"axes\['lr'\]: must be grid"),
    "no effect": ({"fixed": {"lora.scale": 2.0}}, "lora.rank: is needed beside lora.scale, which has no effect"),
    "duplicate value": ({"axes": {"lr": grid(1, 1.0)}}, "duplicate point: .*lr=1.0 occurs twice"),
    "duplicate variant": ({"variants": [{"lr": 0.1}, {"lr": 0.1}]}, "duplicate point"),
    "no decoding": ({"decoding": []}, "the space has no points"),
    "decoding a number": ({"decoding": 3}, "decoding: must be a dict or a list of dicts"),
    "fixed none": ({"fixed": None}, "fixed: must be a dict"),
    "axes a list": ({"axes": [("lr", 1)]}, "axes: must be a dict"),
    "variants a dict": ({"variants": {"lora": None}}, "variants: must be a list of dicts, or a dict of dicts by name"),
    "variant without a name": ({"variants": {"": {}}}, "variants: a name must be text"),
    "variant named like a comparison": ({"variants": {"a vs b": {}}}, "variants: a name must be text without ' vs '"),
    "equal variants": ({"variants": {"a": {"lr": 0.1}, "b": {"lr": 0.1}}}, "duplicate point"),
    "milestones a number": ({"milestones": 5}, "milestones: must be a list of epochs"),
    "grid_search a number": ({"axes": {"lr": {"grid_search": 5}}}, r"axes\['lr'\]: must be grid"),
    "samples 0": ({"samples": 0}, "samples: must be a whole number"),
    "two ways of milestones": ({"milestones": (1, 2), "fixed": {"epochs": 3}}, "give only one of them"),
    "off and set": ({"fixed": {}, "variants": [{"lora": None, "lora.rank": 2}]}, "no effect while lora is None"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named(mistake: str) -> None:
    arguments, message = MISTAKES[mistake]
    with pytest.raises(SpaceError, match=message):
        expand(Space(**arguments), {})


def test_an_unknown_override_is_named() -> None:
    with pytest.raises(SpaceError, match="did you mean 'epochs'"):
        expand(Space(), {"epoch": 1})


def test_branches_are_variants_under_decodings() -> None:
    space = Space(
        fixed={"lr": 0.1, "lora.rank": 4},
        axes={"batch_size": grid(2, 4), "lora.dropout": uniform(0.0, 0.5)},
        variants=[{}, {"lora": None}, {"lr": grid(0.1, 0.2)}],
        decoding=[{"top_p": 0.9}, {"top_k": choice(2, 4)}],
        milestones=(1, 3),
    )
    found = branches(space, {})
    assert len(found) == 6
    assert list(found[0].axes) == ["epochs", "batch_size", "lora.dropout"]
    assert found[0].plain == {"task": "sonnets", "lr": 0.1, "lora.rank": 4, "decode.top_p": 0.9}
    assert list(found[1].axes) == ["epochs", "batch_size", "lora.dropout", "decode.top_k"]
    assert list(found[2].axes) == ["epochs", "batch_size"]  # a method that is off takes its axes with it
    assert "lora.rank" not in found[2].plain
    assert found[4].axes["lr"] == grid(0.1, 0.2)
    assert "lr" not in found[4].plain


def test_an_override_may_make_an_axis_or_end_one() -> None:
    space = Space(fixed={"lr": 0.1}, axes={"batch_size": grid(2, 4)})
    (branch,) = branches(space, {"lr": grid(0.1, 0.2), "batch_size": 8})
    assert branch.axes == {"lr": grid(0.1, 0.2)}
    assert branch.plain == {"task": "sonnets", "batch_size": 8}


def test_points_to_evaluate_change_no_grid() -> None:
    axes = {"lr": grid(0.1, 0.2)}
    assert expand(Space(axes=axes, points_to_evaluate=[{"lr": 0.2}]), {}) == expand(Space(axes=axes), {})


@pytest.mark.parametrize("bad", [{"lr": 0.1}, "lr", [["lr", 0.1]], 3])
def test_points_to_evaluate_that_are_no_list_of_dicts(bad: Any) -> None:
    with pytest.raises(SpaceError, match="points_to_evaluate: must be a list of dicts"):
        Space(points_to_evaluate=bad)


def test_names_of_variants_are_labels() -> None:
    """They change neither points nor their ids."""
    variants = {"full": {}, "LoRA": {"lora.rank": 4}}
    axes = {"lr": grid(0.1, 0.2)}
    named, listed = (expand(Space(axes=axes, variants=each), {}) for each in (variants, list(variants.values())))
    assert named == listed
    assert [point.variant for point in named] == ["full", "full", "LoRA", "LoRA"]
    assert [point.variant for point in listed] == [None] * 4
    plan = make_plan(named, seeds=2)
    assert plan.plan_id == make_plan(listed, seeds=2).plan_id
    assert [point.variant for point in plan.points][4:] == ["full", "full", "LoRA", "LoRA"]
    assert {point.baseline.variant for point in named} == {None}
