"""All errors of a space are reported at once."""

import pytest

from model.settings import Scalar
from sweep import Space, grid
from sweep.errors import SpaceError
from sweep.planning.config import TuneConfig
from sweep.planning.plan import point_from
from sweep.planning.plan_checks import check_comparable
from sweep.planning.search_space import SearchSpace
from sweep.planning.space import expand


def errors(space: Space, **overrides: object) -> list[str]:
    with pytest.raises(SpaceError) as caught:
        expand(space, overrides)
    head, *rest = str(caught.value).split("\n  ")
    assert not rest or head == f"{len(rest)} errors" or "and " in rest[-1]
    return rest or [head]


def test_every_wrong_value_and_name_is_listed() -> None:
    space = Space(
        fixed={"lora.rank": 0, "lora.dropout": 1.5, "learning_rate": 0.1, "freeze": True},
        axes={"batch_size": grid(0, 4, "8")},
        decoding={"top_p": 0},
    )
    found = errors(space, patience=0)
    expected = [
        "lora.rank: must be at least 1, got 0",
        "lora.dropout: must be below 1, got 1.5",
        "unknown name 'learning_rate': did you mean 'lr'?",
        "freeze: must be one of base, got True",
        "batch_size: must be at least 1, got 0",
        "batch_size: must be int, got '8'",
        "decode.top_p: must be above 0, got 0",
        "patience: must be at least 1, got 0",
    ]
    assert all(line.startswith(start) for line, start in zip(found, expected, strict=True)), found


def test_every_combination_without_effect_is_listed() -> None:
    space = Space(variants=[{"lora.scale": 2.0}, {"freeze": "base"}, {"lr": 0.1}, {"lr": 0.1}])
    one, two, three = errors(space)
    assert one.startswith("lora.rank: is needed beside lora.scale")
    assert two.startswith("freeze: leaves nothing to train")
    assert three.startswith("duplicate point: ")


def test_one_error_stands_alone() -> None:
    assert errors(Space(fixed={"warmup": 3}))[0].startswith(
        "unknown name 'warmup': there is no warm-up: the learning rate is constant. Known: task"
    )


def test_many_errors_are_counted() -> None:
    found = errors(Space(axes={"batch_size": grid(range(-30, 0))}))
    assert len(found) == 11
    assert found[-1] == "and 20 more"


def test_a_search_lists_all_errors() -> None:
    space = Space(fixed={"lora.rank": 2}, points_to_evaluate=[{"lr": 9}, {"seed": 1}], axes={"lr": grid(0.1, 0.2)})
    with pytest.raises(SpaceError, match=r"2 errors\n  points_to_evaluate\[0\].*\n  points_to_evaluate\[1\]"):
        SearchSpace.of(space, {}, 1)


@pytest.mark.parametrize("changed", [{"data.label": "mood"}, {"data.split_seed": 1}, {"data": "other.csv"}])
def test_a_search_does_not_compare_labels_or_splits(changed: dict[str, Scalar]) -> None:
    own: dict[str, Scalar] = {"task": "classification", "data": "x.csv", "data.label": "stars"}
    points = [point_from({**own, "lr": 0.1}), point_from({**own, "lr": 0.2})]
    tune_config = TuneConfig(search="tpe", num_samples=2)
    check_comparable(points, tune_config)
    with pytest.raises(SpaceError, match=r"several values of data .*; use --search random, or one run for each"):
        check_comparable([*points, point_from({**own, **changed})], tune_config)
