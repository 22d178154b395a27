"""Drawn points: none twice, each a function of what came before, TPE that learns, and what it is told."""

import math
from typing import Any

import optuna
import pytest

from sweep.axes import choice, grid, loguniform, quniform, randint, uniform
from sweep.errors import SpaceError
from sweep.history import history
from sweep.policy import Strategy
from sweep.registry import load_space, space_paths
from sweep.search import BRANCH, SearchSpace, Told, draw, draw_all
from sweep.space import Space
from sweep.state import RunState, TrialState
from sweep.status import Status

MIXED = Space(
    axes={
        "lr": loguniform(1e-4, 1e-1),
        "dropout": uniform(0.0, 0.5),
        "batch_size": randint(1, 9),
        "lora.scale": quniform(0.5, 4.0, 0.5),
        "lora.rank": choice(1, 2, 4),
        "seed": grid(0, 1),
    },
    decoding={"top_p": 0.9},
)


def space_of(space: Space, seeds: int = 1) -> SearchSpace:
    return SearchSpace.of(space, {}, seeds)


def run(space: SearchSpace, kind: str, count: int, score: Any) -> list[Told]:
    found: list[Told] = []
    seen: set[str] = set()
    for _ in range(count):
        drawn = draw(space, kind, found, seen)
        assert drawn is not None
        assert drawn.points[0].point_id not in seen
        seen.add(drawn.points[0].point_id)
        found.append(Told(drawn.params, "COMPLETE", score(drawn.params)))
    return found


@pytest.mark.parametrize("kind", ["random", "tpe"])
def test_a_finite_space_is_drawn_out_without_a_repeat(kind: str) -> None:
    space = space_of(Space(axes={"lr": grid(0.1, 0.2, 0.3), "batch_size": choice(1, 2)}))
    found = run(space, kind, 6, lambda params: params["lr"])
    assert len({tuple(told.params.values()) for told in found}) == 6
    seen = {space.points(told.params)[0].point_id for told in found}
    assert draw(space, kind, found, seen) is None


def test_values_lie_on_their_axes_and_a_draw_is_a_function_of_what_came_before() -> None:
    space = space_of(MIXED)
    for kind in ("random", "tpe"):
        found = run(space, kind, 16, lambda params: params["lr"])
        assert run(space, kind, 16, lambda params: params["lr"]) == found
        for told in found:
            params = told.params
            assert 1e-4 <= params["lr"] <= 1e-1
            assert params["batch_size"] in range(1, 9)
            assert (params["lora.scale"] * 2).is_integer()
            assert params["lora.rank"] in (1, 2, 4)


def test_draws_at_random_cover_a_range() -> None:
    rates = [drawn.params["lr"] for drawn in draw_all(space_of(MIXED), 60)]
    low = sum(rate < 10**-2.5 for rate in rates)
    assert 18 < low < 42  # half of them, by the logarithm


def test_tpe_finds_the_bottom_of_a_bowl_better_than_chance() -> None:
    """The best of 40 under a quadratic in log lr and dropout, over five spaces."""
    better = 0
    for number in range(5):
        nudge = 1 + number / 1000
        space = space_of(Space(axes={"lr": loguniform(1e-5 * nudge, 1.0), "dropout": uniform(0.0, 0.9 / nudge)}))

        def bowl(params: Any) -> float:
            return (math.log10(params["lr"]) + 2) ** 2 + 9 * (params["dropout"] - 0.3) ** 2

        best = {kind: min(told.value or 0 for told in run(space, kind, 40, bowl)) for kind in ("random", "tpe")}
        better += best["tpe"] < best["random"]
    assert better >= 4


def test_variants_are_branches_with_axes_of_their_own() -> None:
    space = space_of(
        Space(
            axes={"lr": loguniform(1e-4, 1e-1)},
            variants=[{"optimizer": "soap"}, {"lora.rank": grid(1, 2, 4)}, {"lr": uniform(0.5, 1.0)}],
        )
    )
    found = run(space, "tpe", 30, lambda params: params["lr"])
    assert {told.params[BRANCH] for told in found} == {0, 1, 2}
    for told in found:
        assert ("lora.rank" in told.params) == (told.params[BRANCH] == 1)
        assert (told.params["lr"] >= 0.5) == (told.params[BRANCH] == 2)


def test_milestones_and_seeds_come_with_every_point() -> None:
    space = space_of(Space(axes={"lr": uniform(0.1, 0.2)}, milestones=(2, 5)), seeds=3)
    (drawn,) = draw_all(space, 1)
    assert [(point.epochs, point.train.seed) for point in drawn.points] == [(e, s) for s in range(3) for e in (2, 5)]
    assert len({point.trial_id for point in drawn.points}) == 3


def test_points_to_evaluate_come_first_and_are_completed() -> None:
    first = [{"lr": 0.05, "dropout": 0.25}, {"lora.rank": 4}]
    space = space_of(Space(axes=MIXED.axes, points_to_evaluate=first))
    one, two, *_ = draw_all(space, 3)
    assert (one.params["lr"], one.params["dropout"]) == (0.05, 0.25)
    assert two.params["lora.rank"] == 4
    assert set(one.params) == set(two.params) == set(MIXED.axes)


@pytest.mark.parametrize("params", [{"lr": 5.0}, {"lora.rank": 3}, {"smart.lam": 1.0}, {"lr": "high"}])
def test_points_to_evaluate_outside_of_the_space_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(SpaceError, match=r"points_to_evaluate\[0\].*does not lie in the space; its axes: lr"):
        space_of(Space(axes=MIXED.axes, points_to_evaluate=[params]))


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ({"dropout": uniform(0.0, 1.5)}, "dropout"),
        ({"lr": grid(0.1, -1.0)}, "lr"),
        ({"smart.eps": loguniform(1e-6, 1e-5)}, "smart.lam"),
    ],
)
def test_a_corner_that_cannot_be_is_found_beforehand(axes: dict[str, Any], words: str) -> None:
    with pytest.raises(SpaceError, match=words):
        space_of(Space(axes=axes))


def test_a_space_without_axes_is_refused() -> None:
    with pytest.raises(SpaceError, match="nothing to search"):
        space_of(Space(fixed={"lr": 0.1}))


@pytest.mark.parametrize("name", list(space_paths()))
def test_every_shipped_space_can_be_searched_and_kept_as_json(name: str) -> None:
    space = load_space(name).space
    made = SearchSpace.of(space, {}, 2)
    assert SearchSpace.from_dict(made.as_dict()) == made
    assert draw_all(made, 3)


# What the search is told.


@pytest.fixture
def event() -> dict[str, Any]:
    (drawn,) = draw_all(space_of(Space(axes={"lr": uniform(0.1, 0.2)}, fixed={"epochs": 3})), 1)
    return {"params": drawn.params, "points": [point.settings for point in drawn.points], "point": drawn.points[0]}


def told(event: dict[str, Any], trial: TrialState, score: dict[str, Any] | None, objective: str = "dev_loss") -> Told:
    point = event["point"]
    state = RunState(suggestions=[event], trials={point.trial_id: trial}, scores={})
    if score is not None:
        state.scores[point.point_id] = {
            "epoch": 3,
            "attempt": 1,
            "time": "",
            "samples": [],
            "decode_seconds": 0,
            **score,
        }
    (found,) = history(state, Strategy(search="tpe", trials=1, objective=objective))
    return found


def epochs(*losses: float) -> dict[int, Any]:
    return {n: {"losses": {"dev_loss": loss}, "cost": {}, "metric": None} for n, loss in enumerate(losses, start=1)}


def test_what_ended_is_told_with_its_value(event: dict[str, Any]) -> None:
    trial = TrialState(status=Status.COMPLETED, epochs=epochs(3, 2, 1.5))
    score = {"metrics": {"chrf": 40.0}}
    assert told(event, trial, score) == Told(event["params"], "COMPLETE", 1.5)
    assert told(event, trial, score, "metric") == Told(event["params"], "COMPLETE", -40.0)


def test_what_was_stopped_is_pruned_what_failed_fails_and_the_rest_runs(event: dict[str, Any]) -> None:
    stopped = TrialState(status=Status.STOPPED, rung=1, epochs=epochs(3))
    assert told(event, stopped, None) == Told(event["params"], "PRUNED", 3, 1)
    for status in (Status.DIVERGED, Status.FAILED):
        assert told(event, TrialState(status=status, epochs=epochs(3)), None).state == "FAIL"
    for status in (Status.PENDING, Status.RUNNING, Status.INTERRUPTED):
        assert told(event, TrialState(status=status, epochs=epochs(3)), None).state == "RUNNING"


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_number_that_is_none_is_never_told(event: dict[str, Any], loss: float) -> None:
    trial = TrialState(status=Status.COMPLETED, epochs=epochs(3, 2, loss))
    assert told(event, trial, {"metrics": {}}) == Told(event["params"], "FAIL")


def test_optuna_hears_states_and_finite_values(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Any] = []
    add = optuna.Study.add_trial

    def listen(study: optuna.Study, trial: Any) -> None:
        heard.append((trial.state.name, trial.value, trial.intermediate_values))
        add(study, trial)

    monkeypatch.setattr(optuna.Study, "add_trial", listen)
    space = space_of(Space(axes={"lr": uniform(0.1, 0.2)}))
    params = [drawn.params for drawn in draw_all(space, 4)]
    known = [
        Told(params[0], "COMPLETE", 1.0),
        Told(params[1], "PRUNED", 2.0, 3),
        Told(params[2], "FAIL"),
        Told(params[3], "RUNNING"),
    ]
    assert draw(space, "tpe", known, set()) is not None
    assert heard == [("COMPLETE", 1.0, {}), ("PRUNED", None, {3: 2.0}), ("FAIL", None, {}), ("RUNNING", None, {})]
