"""Overrides of spaces with variants: what they apply to, and what is said about it."""

from typing import Any

import pytest

from model.config import DecodeConfig, TrainConfig
from sweep import Space, choice, grid, loguniform
from sweep.planning.space import expand, notes

LORA = {"lora.rank": 8}
SMART = {"smart.lam": 0.1}
SOAP = {"optimizer": "soap", "lr": 0.5}
VARIANTS = Space(fixed={"lr": 0.1}, variants=[{}, LORA, SMART, {**LORA, **SOAP}])


def trained(space: Space, **overrides: Any) -> list[TrainConfig]:
    named = {key.replace("__", "."): value for key, value in overrides.items()}
    return [point.train for point in expand(space, named)]


def ranks(configs: list[TrainConfig]) -> list[int | None]:
    return [config.lora and config.lora.rank for config in configs]


def test_a_setting_of_a_method_leaves_variants_without_it_alone() -> None:
    assert ranks(trained(VARIANTS, lora__rank=4)) == [None, 4, None, 4]
    assert ranks(trained(VARIANTS, lora__rank=grid(2, 4))) == [None, 2, 4, None, 2, 4]
    (note,) = notes(VARIANTS, {"lora.rank": 4}, draws=True)
    assert note == "--set lora.rank: applies to 2 of 4 variants, those that use lora; the others stay as they are"


def test_a_setting_of_an_optimizer_leaves_the_others_alone() -> None:
    found = trained(VARIANTS, soap__precondition_frequency=3)
    assert [config.optimizer for config in found] == ["adamw", "adamw", "adamw", "soap"]
    assert found[3].optimizer_values.precondition_frequency == 3  # type: ignore[attr-defined]


def test_a_way_of_decoding_leaves_the_others_alone() -> None:
    space = Space(decoding=[{"top_p": 0.9}, {"top_k": 4}])
    assert [point.decode for point in expand(space, {"decode.top_p": 0.5})] == [
        DecodeConfig(top_p=0.5),
        DecodeConfig(top_k=4),
    ]
    assert notes(space, {"decode.top_p": 0.5}, draws=True)[0].startswith(
        "--set decode.top_p: applies to 1 of 2 decodings, those that use top_p"
    )


def test_a_method_that_no_variant_uses_is_turned_on_in_all() -> None:
    space = Space(variants=[{"lr": 0.1}, {"lr": 0.2}])
    assert ranks(trained(space, lora__rank=4)) == [4, 4]
    assert notes(space, {"lora.rank": 4}, draws=True) == []


def test_a_value_that_variants_set_is_replaced_with_a_word() -> None:
    assert [config.lr for config in trained(VARIANTS, lr=0.3)] == [0.3] * 4
    assert notes(VARIANTS, {"lr": 0.3}, draws=True) == [
        "--set lr: replaces the values of the variants, which differ: 0.1, 0.5"
    ]
    assert notes(VARIANTS, {"batch_size": 2}, draws=True) == []


def test_a_method_that_is_turned_off_loses_its_settings_with_a_word() -> None:
    space = Space(variants=[{"lr": 0.1}, {"lr": 0.2, **LORA}])
    assert ranks(trained(space, lora=None)) == [None, None]
    assert notes(space, {"lora": None}, draws=True) == [
        "--set lora: replaces the values of the variants, which differ: lora off, lora on"
    ]
    assert ranks(trained(Space(axes={"lora.rank": grid(2, 4)}), lora=None)) == [None]


def test_another_optimizer_in_all_variants_is_said() -> None:
    assert notes(VARIANTS, {"optimizer": "adamw"}, draws=True) == [
        "--set optimizer: replaces the values of the variants, which differ: the default, soap"
    ]


@pytest.mark.parametrize(("samples", "draws", "said"), [(1, True, True), (3, True, False), (1, False, False)])
def test_random_axes_without_samples_are_one_point(samples: int, draws: bool, said: bool) -> None:
    space = Space(axes={"lr": loguniform(1e-4, 1e-2)}, samples=samples)
    assert len(expand(space, {})) == samples
    found = notes(space, {}, draws=draws)
    assert bool(found) == said
    assert not said or "lr: one random value at every grid point, because samples is 1" in found[0]


def test_draws_that_repeat_a_point_are_counted() -> None:
    space = Space(axes={"lora.rank": choice(1, 2)}, samples=5)
    assert len(expand(space, {})) == 2
    assert notes(space, {}, draws=True) == ["lora.rank: 3 of 5 draws repeat another point and are dropped"]
    assert notes(space, {}, draws=False) == []
