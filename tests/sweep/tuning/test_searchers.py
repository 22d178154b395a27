"""Searchers: what they sample, no duplicates, that TPE learns, and that kills change nothing."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

from sweep import Space, choice, grid, loguniform, quniform, randint, uniform
from sweep.errors import SpaceError
from sweep.planning.config import TuneConfig
from sweep.planning.search_space import Params, SearchSpace
from sweep.prepare import RunRequest, prepare
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, load_state
from sweep.tuning.observations import Observation
from sweep.tuning.searchers import suggest, suggest_all
from tests.sweep.curves import Killed, ends, rungs, session, state_behind, trains

SIX = Space(axes={"lora.rank": grid(2, 4, 8), "lr": choice(0.1, 0.2)})


def searched(space: Space, seeds: int = 1) -> SearchSpace:
    return SearchSpace.of(space, {}, seeds)


def search(
    space: SearchSpace, kind: str, count: int, value: Callable[[Params], float] = lambda params: 0.0
) -> list[Observation]:
    """`count` points, one after the other, each told before the next is drawn."""
    history: list[Observation] = []
    seen: set[str] = set()
    while len(history) < count and (drawn := suggest(space, kind, history, seen)) is not None:
        assert not {point.point_id for point in drawn.points} & seen
        seen |= {point.point_id for point in drawn.points}
        history.append(Observation(drawn.params, "COMPLETE", value(drawn.params)))
    return history


@pytest.mark.parametrize("kind", ["random", "tpe"])
def test_finite_space_is_sampled_exhaustively(kind: str) -> None:
    found = search(searched(SIX), kind, 50)
    assert len(found) == 6
    assert len({json.dumps(told.params, sort_keys=True) for told in found}) == 6


@pytest.mark.parametrize("kind", ["random", "tpe"])
def test_finite_variants_are_sampled_exhaustively(kind: str) -> None:
    space = Space(
        fixed={"lora.rank": 2}, axes={"lr": grid(0.1, 0.2)}, variants=[{}, {"lora": None}, {"lora.rank": grid(4, 8)}]
    )
    found = search(searched(space), kind, 50)
    assert len(found) == 2 + 2 + 4
    assert {told.params["branch"] for told in found} == {0, 1, 2}
    assert all(("lora.rank" in told.params) == (told.params["branch"] == 2) for told in found)


def test_integer_axes_are_sampled_exhaustively() -> None:
    """Where a hundred draws at random may well miss the last one of many."""
    space = Space(fixed={"batch_size": 1}, axes={"lora.rank": randint(1, 101), "lora.dropout": quniform(0.0, 0.2, 0.1)})
    assert len(search(searched(space), "random", 500)) == 100 * 3


def test_random_is_a_function_of_the_number() -> None:
    space = searched(Space(axes={"lr": loguniform(1e-4, 1e-1), "lora.rank": grid(2, 4)}))
    assert [space.random(i) for i in range(5)] == [space.random(i) for i in range(5)]
    assert len({space.random(i)["lr"] for i in range(50)}) == 50
    drawn = suggest_all(space, 20)
    assert [d.params for d in drawn] == [d.params for d in suggest_all(space, 30)][:20]
    assert [d.params for d in drawn] == [space.random(i) for i in range(20)]


def test_random_samples_cover_their_axes() -> None:
    space = searched(Space(axes={"lr": loguniform(1e-4, 1e-1), "batch_size": randint(1, 5), "lora.rank": grid(2, 4)}))
    drawn = [d.params for d in suggest_all(space, 200)]
    assert {params["batch_size"] for params in drawn} == {1, 2, 3, 4}
    assert 0.3 < sum(params["lr"] < 10**-2.5 for params in drawn) / 200 < 0.7
    assert 0.3 < sum(params["lora.rank"] == 2 for params in drawn) / 200 < 0.7


def test_seeds_are_the_same_for_every_point() -> None:
    drawn = suggest_all(searched(SIX, seeds=3), 2)
    assert [[point.train.seed for point in d.points] for d in drawn] == [[0, 1, 2]] * 2


def test_milestones_are_scored_and_not_searched() -> None:
    space = searched(Space(axes={"lr": uniform(0.1, 0.2)}, milestones=(1, 3)))
    (drawn,) = suggest_all(space, 1)
    assert set(drawn.params) == {"lr"}
    assert [point.epochs for point in drawn.points] == [1, 3]
    assert len({point.trial_id for point in drawn.points}) == 1


def bowl(params: Params) -> float:
    """Least, 0, at lr = 0.01, dropout 0.3."""
    return (math.log10(params["lr"]) + 2) ** 2 + 4 * (params["lora.dropout"] - 0.3) ** 2


def test_tpe_finds_the_bottom_sooner_than_chance() -> None:
    better = 0
    for case in range(5):
        axes = {"lr": loguniform(1e-5, 1.0), "lora.dropout": uniform(0.0, 0.9 + case / 100)}
        space = searched(Space(fixed={"lora.rank": 2}, axes=axes))
        best = {kind: min(told.value or 0.0 for told in search(space, kind, 40, bowl)) for kind in ("random", "tpe")}
        better += best["tpe"] < best["random"]
    assert better >= 4


def test_tpe_learns_which_variant_is_better() -> None:
    """Of two variants with an axis each of the same name, the second one is better everywhere."""
    variants = [{"lr": loguniform(1e-4, 1e-2)}, {"lr": loguniform(1e-3, 1e-1)}]
    found = search(searched(Space(variants=variants)), "tpe", 30, lambda params: 1.0 - params["branch"] + params["lr"])
    later = [told.params for told in found[15:]]
    assert sum(params["branch"] == 1 for params in later) >= 11
    assert all(1e-3 <= params["lr"] <= 1e-1 for params in later if params["branch"] == 1)


def test_tpe_begins_at_random_and_repeats_itself() -> None:
    space = searched(
        Space(fixed={"lora.rank": 2}, axes={"lr": loguniform(1e-5, 1.0), "lora.dropout": uniform(0.0, 0.9)})
    )
    first, again = search(space, "tpe", 15, bowl), search(space, "tpe", 15, bowl)
    assert first == again


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What Optuna is told."""
    found: list[dict[str, Any]] = []
    create = optuna.trial.create_trial

    def hear(**told: Any) -> optuna.trial.FrozenTrial:
        found.append(told)
        return create(**told)

    monkeypatch.setattr("optuna.trial.create_trial", hear)
    return found


def test_states_map_to_optuna_states(heard: list[dict[str, Any]]) -> None:
    space = searched(Space(axes={"lr": loguniform(1e-4, 1e-1), "lora.rank": grid(2, 4), "batch_size": randint(1, 9)}))
    params = [d.params for d in suggest_all(space, 4)]
    history = [
        Observation(params[0], "COMPLETE", 2.0),
        Observation(params[1], "PRUNED", 3.0, epoch=3),
        Observation(params[2], "FAIL"),
        Observation(params[3], "RUNNING"),
    ]
    assert suggest(space, "tpe", history, set()) is not None
    assert [told["state"].name for told in heard] == ["COMPLETE", "PRUNED", "FAIL", "RUNNING"]
    assert [told["value"] for told in heard] == [2.0, None, None, None]
    assert [told["intermediate_values"] for told in heard] == [None, {3: 3.0}, None, None]
    for told, given in zip(heard, params, strict=True):
        assert told["params"]["lora.rank"] == [2, 4].index(given["lora.rank"])
        assert (told["params"]["lr"], told["params"]["batch_size"]) == (given["lr"], given["batch_size"])


# Points to begin with.


def test_points_to_evaluate_come_first_and_are_completed() -> None:
    first = [{"lora.rank": 8, "lr": 0.2}, {"lora.rank": 4}]
    space = searched(Space(axes={"lora.rank": grid(2, 4, 8), "lr": uniform(0.1, 0.3)}, points_to_evaluate=first))
    for kind in ("random", "tpe"):
        one, two, *_ = search(space, kind, 4)
        assert one.params == first[0]
        assert two.params["lora.rank"] == 4
        assert 0.1 <= two.params["lr"] <= 0.3


def test_points_to_evaluate_go_to_their_branch() -> None:
    variants = [{"lora": None}, {"lora.rank": grid(4, 8)}]
    space = searched(
        Space(axes={"lr": grid(0.1, 0.2)}, variants=variants, points_to_evaluate=[{"lora.rank": 8, "lr": 0.1}])
    )
    assert search(space, "tpe", 1)[0].params == {"branch": 1, "lora.rank": 8, "lr": 0.1}


@pytest.mark.parametrize(
    "point",
    [
        {"lr": 1.0},  # above the range
        {"lr": float("nan")},
        {"lr": "0.1"},
        {"lr": True},
        {"lora.rank": 3},  # none of the values
        {"lora.rnk": 2},  # no axis
        {"batch_size": 8},  # a setting that is no axis
        {"warmup": 1},
        {"lora.dropout": 0.25},  # no multiple
        {"patience": 2.5},  # no whole number
        {"patience": 4},  # the end is left out
    ],
)
def test_points_to_evaluate_outside_are_refused(point: Params) -> None:
    axes = {
        "lr": uniform(0.1, 0.3),
        "lora.rank": grid(2, 4),
        "lora.dropout": quniform(0.0, 0.4, 0.1),
        "patience": randint(1, 4),
    }
    with pytest.raises(SpaceError, match=r"points_to_evaluate\[1\]: .* is not in the space; its axes: lr, lora"):
        searched(Space(axes=axes, points_to_evaluate=[{"lora.rank": 2}, point]))


def test_points_to_evaluate_must_be_dicts() -> None:
    with pytest.raises(SpaceError, match="points_to_evaluate: must be a list of dicts"):
        Space(axes={"lr": uniform(0.1, 0.3)}, points_to_evaluate=({"lr"},))  # type: ignore[arg-type]


def test_points_to_evaluate_are_refused_by_the_command(tmp_path: Path, sweep: Callable[..., Any]) -> None:
    path = tmp_path / "outside.py"
    path.write_text(
        "from sweep import Space, uniform\n"
        'space = Space(axes={"lr": uniform(0.1, 0.3)}, points_to_evaluate=[{"lr": 1.0}])\n'
    )
    result = sweep("run", path, "--search", "tpe", "--num-samples", "3", "--dry-run")
    assert result.exit_code == 2
    assert f"Error: {path}: points_to_evaluate[0]: {{'lr': 1.0}} is not in the space" in result.stderr


# What a space is checked by, and kept as.


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"lora.dropout": uniform(0.0, 1.0), "lora.rank": grid(2)}, "lora.dropout: must be below 1"),
        ({"lora.rank": randint(0, 4)}, "lora.rank: must be at least 1, got 0"),
        ({"lora.rank": grid(4, 2, 0)}, "lora.rank: must be at least 1, got 0"),
        ({"lr": uniform(-1.0, 1.0)}, "lr: must be"),
        ({"lora.dropout": uniform(0.0, 0.5)}, "lora.rank: is needed"),
        ({"batch_size": uniform(1.0, 8.0)}, "batch_size is a whole number; write for example randint"),
    ],
)
def test_corner_points_reveal_invalid_values(axes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        searched(Space(axes=axes))


def test_invalid_axis_combinations_are_found_before_the_run() -> None:
    """Each value is fine beside the other axis' first one."""
    decoding = {"beams": grid(None, 3), "generations": grid(None, 3)}
    with pytest.raises(SpaceError, match="use one of the two"):
        searched(Space(axes={"lr": uniform(0.1, 0.2)}, decoding=decoding))


def test_a_space_without_axes_cannot_be_searched() -> None:
    with pytest.raises(SpaceError, match="no axes"):
        searched(Space(milestones=(1, 2)))
    with pytest.raises(SpaceError, match="no points"):
        searched(Space(decoding=[]))


def test_scoring_is_searched_if_it_varies_independently() -> None:
    assert searched(Space(axes={"lr": uniform(0.1, 0.2)}, decoding={"top_p": grid(0.8, 0.9)})).searches_scoring
    assert searched(Space(axes={"lr": uniform(0.1, 0.2)}, decoding=[{}, {"top_k": 4}])).searches_scoring
    assert searched(Space(axes={"keep_best_epoch": grid(True, None), "lora.rank": grid(2, 4)})).searches_scoring
    assert not searched(Space(axes={"lr": uniform(0.1, 0.2)}, variants=[{}, {"lora.rank": 2}])).searches_scoring


def test_a_search_space_survives_json() -> None:
    axes = {
        "lr": loguniform(1e-4, 1e-1),
        "lora.rank": grid(2, 4),
        "lora.dropout": quniform(0.0, 0.4, 0.1),
        "batch_size": randint(2, 9),
        "optimizer": choice("adamw", "soap"),
    }
    variants = [{}, {"weight_decay": uniform(0.0, 0.1)}]
    space = searched(Space(axes=axes, variants=variants, points_to_evaluate=[{"lora.rank": 4}]), seeds=2)
    again = SearchSpace.from_dict(json.loads(json.dumps(space.as_dict())))
    assert again == space
    history = search(space, "random", 12)
    assert suggest(again, "tpe", history, set()) == suggest(space, "tpe", history, set())


# With the driver, and through kills.

SPACE = '''"""A space to search."""

from sweep import Space, grid, loguniform

space = Space(
    fixed={{"epochs": 9, "batch_size": 2, "data": {data!r}}},
    axes={{"lora.rank": grid(1, 2, 4), "lr": loguniform(1e-4, 1e-1)}},
    decoding={{"max_new_tokens": 2}},
    points_to_evaluate=[{{"lr": 0.01}}],
)
'''


@pytest.fixture
def make_run(tmp_path: Path, poems: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., RunFolder]:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)  # no power is lost here
    path = tmp_path / "searched.py"
    path.write_text(SPACE.format(data=str(poems)))

    def make(name: str, **tune_config: Any) -> RunFolder:
        request = RunRequest(
            space=str(path), out=out, name=name, tune_config=TuneConfig(search="tpe", num_samples=14, **tune_config)
        )
        return prepare(request).open_or_create()

    return make


def losses(job: Any, epoch: int) -> float | None:
    """Best at lr = 0.01; far above it a training diverges."""
    lr = job.points[0][1].get("lr")
    if epoch and lr > 0.07:
        return None
    return 2 + abs(math.log10(lr) + 2) + 1 / (1 + epoch)


@pytest.mark.parametrize(
    ("every", "tune_config"),
    [
        (5, {"scheduler": "fifo"}),
        (4, {"scheduler": "asha"}),
        (3, {"scheduler": "asha-promote"}),
        (2, {"scheduler": "asha", "seeds": 2}),
    ],
)
def test_kills_do_not_change_tpe_suggestions(
    make_run: Callable[..., RunFolder], every: int, tune_config: dict[str, Any]
) -> None:
    whole = session(make_run("whole", **tune_config), trains(losses)).state
    folder = make_run("killed", **tune_config)
    killed = RunState()
    for _ in range(300):
        executor = trains(losses, every)
        try:
            killed = session(folder, executor).state
            break
        except Killed:
            assert load_state(folder).suggestions == state_behind(executor).suggestions
    assert [event.params for event in killed.suggestions] == [event.params for event in whole.suggestions]
    assert len(whole.suggestions) == 14
    assert (ends(killed), rungs(killed)) == (ends(whole), rungs(whole))


def test_only_finite_values_are_reported(make_run: Callable[..., RunFolder], heard: list[dict[str, Any]]) -> None:
    state = session(make_run("whole", scheduler="asha"), trains(losses)).state
    assert any(trial.status == "DIVERGED" for trial in state.trials.values())
    assert {"COMPLETE", "PRUNED", "FAIL"} <= {told["state"].name for told in heard}
    numbers = [told["value"] for told in heard] + [v for t in heard for v in (t["intermediate_values"] or {}).values()]
    assert all(math.isfinite(number) for number in numbers if number is not None)
    assert all(math.isfinite(value) for told in heard for value in told["params"].values())


def test_points_to_evaluate_start_the_search(make_run: Callable[..., RunFolder]) -> None:
    folder = make_run("whole")
    state = session(folder, trains(losses)).state
    assert state.suggestions[0].params["lr"] == 0.01
    assert [event.number for event in state.suggestions] == list(range(1, 15))
