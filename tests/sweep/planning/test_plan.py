"""Plans: stable ids, shared trials, baselines and paired seeds."""

import pytest

from model.config import DecodeConfig, TrainConfig
from sweep import Space, grid
from sweep.errors import SpaceError
from sweep.planning.plan import Point, make_plan, point_from
from sweep.planning.space import expand


def full_plan(space: Space, seeds: int = 1):  # type: ignore[no-untyped-def]
    return make_plan(expand(space, {}), seeds)


def test_ids_match_the_first_release() -> None:
    """Written down once: were they to change, every cache and every ledger would lose its results."""
    point = Point(TrainConfig(lora={"rank": 8}), DecodeConfig(top_p=0.9))  # type: ignore[arg-type]
    assert (point.point_id, point.trial_id) == ("6522de2fce72", "039a342c3184")


IDS = {  # recorded before optimizers had settings: point, trial, un-tuned base
    "default": ({}, "57608580c4ca", "de5b0b1bc613", "d5946b161a9e"),
    "lora": (
        {"lora.rank": 8, "lora.dropout": 0.1, "decode.top_k": 5},
        "96e66d7a00b9",
        "e1525b4408b0",
        "1203cef3988d",
    ),
    "soap": ({"optimizer": "soap", "lr": 3e-3, "weight_decay": 0.0}, "a4607640d480", "10b557936681", "d5946b161a9e"),
    "smart": (
        {"task": "paraphrase", "smart.lam": 1.0, "smart.variant": "paper"},
        "5d5e048ca09a",
        "a976a12e5774",
        "3271fbc4c284",
    ),
    "frozen": (
        {"task": "sentiment", "freeze": "base", "epochs": 3},
        "9c4e22e32f42",
        "b7c454af1979",
        "92a933d1b825",
    ),
    "untrained": ({"epochs": 0, "decode.beams": 4}, "b0ad49fe423c", "607674910f14", "b0ad49fe423c"),
}


@pytest.mark.parametrize("case", IDS)
def test_ids_of_every_kind_of_point_stay(case: str) -> None:
    settings, *ids = IDS[case]
    point = point_from(settings)
    assert [point.point_id, point.trial_id, point.baseline.point_id] == ids


def test_default_settings_of_an_optimizer_change_no_id() -> None:
    explicit = {"optimizer": "soap", "lr": 3e-3, "weight_decay": 0.0, "soap.beta1": 0.95, "soap.max_precond_dim": 10000}
    assert point_from(explicit).point_id == IDS["soap"][1]
    other = point_from({**explicit, "soap.beta1": 0.9})
    assert other.point_id != IDS["soap"][1]
    assert other.trial_id != IDS["soap"][2]


def test_columns_hold_the_defaults_that_ids_leave_out() -> None:
    point = point_from({"optimizer": "soap"})
    assert not [key for key in point.settings if key.startswith("soap.")]
    assert point.columns["soap.precondition_frequency"] == 10
    assert not [key for key in point.columns if key.startswith("adamw.")]


def test_reordering_a_grid_changes_no_id() -> None:
    one = full_plan(Space(axes={"lr": grid(0.1, 0.2), "batch_size": grid(2, 4)}))
    other = full_plan(Space(axes={"batch_size": grid(4, 2), "lr": grid(0.2, 0.1)}))
    assert {point.point_id for point in one.points} == {point.point_id for point in other.points}
    assert one.plan_id == other.plan_id


def test_an_equal_value_written_otherwise_is_the_same_point() -> None:
    (one,) = full_plan(Space(fixed={"lr": 1})).points
    (other,) = full_plan(Space(fixed={"lr": 1.0})).points
    assert one.point_id == other.point_id


def test_settings_lead_back_to_the_point() -> None:
    for point in full_plan(Space(axes={"lora.rank": grid(2, 4)}, decoding=[{"top_k": 3}, {"top_p": 0.5}])).points:
        assert point_from(point.settings) == point


def test_decodings_and_milestones_share_a_trial() -> None:
    """The paper's SOAP grid in small: 3 epochs x 5 batches x 4 rates x 17 decodings need 20 trainings."""
    space = Space(
        axes={"batch_size": grid(2, 4, 8, 16, 32), "lr": grid(1e-5, 1e-4, 1e-3, 3e-3)},
        milestones=(5, 10, 20),
        decoding=[{"top_k": k} for k in range(1, 18)],
    )
    plan = full_plan(space)
    assert (len(plan.points), len(plan.trials)) == (1020, 20)
    assert plan.epochs == 20 * 20
    assert plan.epochs_unshared == (5 + 10 + 20) * 17 * 20
    assert {trial.epochs for trial in plan.trials} == {20}


def test_settings_that_change_weights_are_not_shared() -> None:
    assert len(full_plan(Space(axes={"lr": grid(0.1, 0.2), "lora.rank": grid(1, 2)})).trials) == 4


def test_seeds_are_paired_across_points() -> None:
    plan = full_plan(Space(axes={"lr": grid(0.1, 0.2)}), seeds=3)
    assert [(point.train.seed, point.train.lr) for point in plan.points] == [
        (seed, lr) for seed in (0, 1, 2) for lr in (0.1, 0.2)
    ]


def test_seeds_that_run_into_the_spaces_own_are_refused() -> None:
    with pytest.raises(SpaceError, match="overlap"):
        full_plan(Space(axes={"seed": grid(0, 1)}), seeds=2)


def test_a_baseline_depends_on_base_seed_and_decoding_alone() -> None:
    plan = full_plan(
        Space(axes={"lora.rank": grid(2, 4), "lr": grid(0.1, 0.2)}, decoding=[{"top_k": 3}, {"top_p": 0.5}]), seeds=2
    )
    assert len(plan.baselines) == 2 * 2
    assert all(point.epochs == 0 for point in plan.baselines)
    assert len({point.trial_id for point in plan.baselines}) == 2


def test_an_untrained_base_is_a_trial_apart() -> None:
    """It shares all settings but epochs with the vanilla training, and must not be taken for a milestone of it."""
    vanilla = Point(TrainConfig(), DecodeConfig())
    assert vanilla.baseline.trial_id != vanilla.trial_id
