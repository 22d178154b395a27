"""Which settings of a run vary, and which of those are informative."""

import pytest

from sweep.reporting.settings import constant_settings, informative_keys, settings_of, varying_keys


def test_varying_keys() -> None:
    assert varying_keys([{"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}]) == ["b", "c"]
    assert varying_keys([{"a": 1}]) == []


def test_redundant_settings_are_not_shown() -> None:
    """Scale follows from rank, everything of SMART from its weight, decay from the optimizer; lr is no method's."""
    on = {
        "lora.rank": 2,
        "lora.scale": 1.0,
        "smart.lam": 0.1,
        "smart.steps": 1,
        "optimizer": "soap",
        "weight_decay": 0.01,
    }
    points = [
        {**on, "lr": 0.1},
        {**on, "lora.rank": 4, "lora.scale": 2.0, "lr": 0.1},
        {"lora.rank": 8, "lora.scale": 2.0, "optimizer": "adamw", "weight_decay": 0.0, "lr": 0.2},
    ]
    assert informative_keys(points) == ["lr", "optimizer", "lora.rank", "smart.lam"]
    either = [{"decode.top_p": 0.9}, {"decode.top_k": 4}]  # a blank in one column is no way to say 4
    assert informative_keys(either) == ["decode.top_p", "decode.top_k"]
    grid_points = [{"lora.rank": rank, "lora.scale": scale} for rank in (2, 4) for scale in (1.0, 2.0)]
    assert informative_keys(grid_points) == varying_keys(grid_points) == ["lora.rank", "lora.scale"]


@pytest.mark.parametrize("order", [1, -1])
def test_the_first_of_the_schema_speaks_for_the_others(order: int) -> None:
    """However the points spell them: rank for dropout, lam and variant for eps and reduction."""
    library = {"smart.lam": 4e-3, "smart.variant": "library", "smart.eps": 1e-5, "smart.reduction": "sum"}
    points = [
        {"lora.rank": 2, "lora.dropout": 0.05},
        library,
        {**library, "smart.lam": 1e-4, "smart.eps": 1e-6},
        {**library, "smart.variant": "custom", "smart.reduction": "mean"},
    ]
    spelled = [dict(sorted(point.items())[::order]) for point in points]
    assert informative_keys(spelled) == ["lora.rank", "smart.lam", "smart.variant"]


def test_settings_of_an_optimizer_follow_from_the_optimizer() -> None:
    points = [{"optimizer": "adamw"}, {"optimizer": "soap", "weight_decay": 0.01, "soap.precondition_frequency": 10}]
    assert informative_keys(points) == ["optimizer"]


def test_constant_settings() -> None:
    points = [{"decode.top_p": 0.9, "lr": 0.1, "seed": 0}, {"lr": 0.1, "decode.top_p": 0.9, "seed": 1, "lora.rank": 2}]
    assert constant_settings(points) == {"lr": 0.1, "decode.top_p": 0.9}


def test_differing_defaults_are_filled_in() -> None:
    """Ids leave out default settings of an optimizer; a comparison needs them."""
    rows = [
        {"config_json": '{"lr": 0.1, "adamw.beta1": 0.8}', "adamw.beta1": 0.8, "adamw.eps": 1e-8},
        {"config_json": '{"lr": 0.1}', "adamw.beta1": 0.9, "adamw.eps": 1e-8},
        {"config_json": '{"lr": 0.1, "optimizer": "soap"}', "adamw.beta1": None},
    ]
    settings = settings_of(rows)
    assert [point.get("adamw.beta1") for point in settings] == [0.8, 0.9, None]
    assert not any("adamw.eps" in point for point in settings)
