"""The flat form: every bound and type is checked, and conversion to settings and back is lossless."""

from dataclasses import replace
from typing import Any

import pytest

from model.config import DecodeConfig, LoRAConfig, TrainConfig
from model.errors import SettingError
from model.task_specs import TASKS
from sweep.planning.flat import decode_keys, from_flat, to_flat, train_keys

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({"foo": 1}, "foo: is not a setting"),
    "unknown dotted key": ({"lora.rnk": 1}, "lora.rnk: is not a setting"),
    "rank 0": ({"lora.rank": 0}, "lora.rank: must be at least 1, got 0"),
    "rank 2.5": ({"lora.rank": 2.5}, "lora.rank: must be int, got 2.5"),
    "rank true": ({"lora.rank": True}, "lora.rank: must be int, got True"),
    "scale 0": ({"lora.rank": 1, "lora.scale": 0}, "lora.scale: must be above 0"),
    "dropout 1": ({"lora.rank": 1, "lora.dropout": 1.0}, "lora.dropout: must be below 1"),
    "scale without rank": ({"lora.scale": 2.0}, "lora.rank: is needed beside lora.scale"),
    "off and set": ({"lora": None, "lora.rank": 1}, "lora.rank: has no effect while lora is None"),
    "scale inf": ({"lora.rank": 1, "lora.scale": float("inf")}, "lora.scale: must be a finite number"),
    "dropout -0.1": ({"lora.rank": 1, "lora.dropout": -0.1}, "lora.dropout: must be at least 0"),
    "base's dropout 1": ({"dropout": 1}, "dropout: must be below 1"),
    "base's dropout -0.1": ({"dropout": -0.1}, "dropout: must be at least 0"),
    "base 3": ({"base": 3}, "base: must be str, got 3"),
    "revision 3": ({"revision": 3}, "revision: must be str or None, got 3"),
    "lora 3": ({"lora": 3}, "lora: must be LoRAConfig or None, got 3"),
    "decode None": ({"decode": None}, "decode: is not a setting"),
    "epochs 1.0": ({"epochs": 1.0}, "epochs: must be int, got 1.0"),
    "epochs -1": ({"epochs": -1}, "epochs: must be at least 0"),
    "batch 0": ({"batch_size": 0}, "batch_size: must be at least 1"),
    "lr 0": ({"lr": 0}, "lr: must be above 0"),
    "lr nan": ({"lr": float("nan")}, "lr: must be a finite number"),
    "lr text": ({"lr": "1e-3"}, "lr: must be float, got '1e-3'"),
    "seed -1": ({"seed": -1}, "seed: must be at least 0"),
    "decay -1": ({"weight_decay": -1.0}, "weight_decay: must be at least 0"),
    "patience 0": ({"patience": 0}, "patience: must be at least 1"),
    "optimizer": ({"optimizer": "sgd"}, "optimizer: must be one of adamw, soap, got 'sgd'"),
    "group of another optimizer": (
        {"soap.beta1": 0.9},
        "soap.beta1: has no effect: it belongs to optimizer=soap, but optimizer is adamw",
    ),
    "group of another optimizer, its default": (
        {"optimizer": "soap", "adamw.beta1": 0.9},
        "adamw.beta1: has no effect: it belongs to optimizer=adamw, but optimizer is soap",
    ),
    "beta 1": ({"adamw.beta1": 1.0}, "adamw.beta1: must be below 1, got 1.0"),
    "no refresh": (
        {"optimizer": "soap", "soap.precondition_frequency": 0},
        "soap.precondition_frequency: must be at least 1",
    ),
    "unknown optimizer setting": ({"adamw.beta3": 0.9}, "adamw.beta3: is not a setting; did you mean 'adamw.beta"),
    "unknown group": ({"adam.beta1": 0.9}, "adam.beta1: is not a setting; did you mean 'adamw.beta1'?"),
    "nearly an optimizer": (
        {"optimizer": "adam"},
        "optimizer: must be one of adamw, soap, got 'adam'; did you mean 'adamw'?",
    ),
    "optimizers": ({"optimizer": ["adamw"]}, "optimizer: must be one of adamw, soap, got ['adamw']"),
    "extension that was not imported": ({"optimizer": "my_lib:Lion"}, "optimizer: must be one of adamw, soap"),
    "peft": ({"peft": "loar"}, "peft: must be one of lora, got 'loar'; did you mean 'lora'?"),
    "peft without rank": ({"peft": "lora"}, "lora.rank: is needed"),
    "task": ({"task": "poems"}, "task: must be one of sonnets"),
    "top_p 0": ({"decode.top_p": 0.0}, "decode.top_p: must be above 0"),
    "top_p 2": ({"decode.top_p": 2.0}, "decode.top_p: must be at most 1"),
    "top_k 0": ({"decode.top_k": 0}, "decode.top_k: must be at least 1"),
    "temperature 0": (
        {"decode.temperature": 0},
        "decode.temperature: must be above 0, got 0; for greedy decoding use top_k=1",
    ),
    "beams 0": ({"decode.beams": 0}, "decode.beams: must be at least 1"),
    "generations 0": ({"decode.generations": 0}, "decode.generations: must be at least 1"),
    "generations of beams": (
        {"decode.beams": 3, "decode.generations": 3},
        "decode.generations: beams already keep the best",
    ),
    "beams cooled": ({"decode.beams": 3, "decode.temperature": 1.0}, "decode.temperature: has no effect on beams"),
    "ranked alone": ({"decode.rank_by": "mean"}, "decode.rank_by: has no effect without beams or generations"),
    "ranked by generators": (
        {"decode.beams": 3, "decode.rank_by": "generators"},
        "decode.rank_by: must be one of cumulative, mean",
    ),
    "no lines": ({"decode.max_lines": 0}, "decode.max_lines: must be at least 1"),
    "decoding a class": ({"task": "paraphrase", "decode.top_p": 0.9}, "decode.top_p: has no effect: task paraphrase"),
    "lambda -1": ({"smart.lam": -1}, "smart.lam: must be at least 0"),
    "epsilon 0": ({"smart.lam": 1, "smart.eps": 0}, "smart.eps: must be above 0"),
    "variant": ({"smart.lam": 1, "smart.variant": "x"}, "smart.variant: must be one of library, custom, paper"),
    "no ascent": ({"smart.lam": 1, "smart.steps": 0}, "smart.steps: must be at least 1"),
    "no noise": ({"smart.lam": 1, "smart.noise_var": 0}, "smart.noise_var: must be above 0"),
    "smart without lambda": ({"smart.eps": 1e-6}, "smart.lam: must be above 0 if smart.bregman_mu is 0"),
    "lambda 0": ({"smart.lam": 0, "smart.eps": 1e-6}, "smart.lam: must be above 0 if smart.bregman_mu is 0"),
    "beta without a teacher": ({"smart.lam": 1, "smart.bregman_beta": 0.5}, "smart.bregman_beta: has no effect while"),
    "greedy generations": (
        {"decode.top_k": 1, "decode.generations": 3},
        "decode.generations: has no effect: with top_k",
    ),
    "smart off and set": ({"smart": None, "smart.eps": 1e-6}, "smart.eps: has no effect while smart is None"),
    "bregman beta 1": (
        {"smart.lam": 1, "smart.bregman_mu": 1, "smart.bregman_beta": 1},
        "smart.bregman_beta: must be below 1",
    ),
    "frozen with adapters": ({"freeze": "base", "lora.rank": 1}, "freeze: has no effect beside lora"),
    "frozen without head": ({"freeze": "base"}, "freeze: leaves nothing to train: task sonnets"),
    "no tokens": ({"decode.max_new_tokens": 0}, "decode.max_new_tokens: must be at least 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_setting_names_itself(case: str) -> None:
    flat, message = REFUSED[case]
    with pytest.raises(SettingError) as caught:
        from_flat(flat)
    assert str(caught.value).startswith(message)
    assert caught.value.key == message.partition(":")[0]


@pytest.mark.parametrize(
    "flat",
    [
        {"epochs": 0},
        {"seed": 0},
        {"batch_size": 1},
        {"weight_decay": 0},
        {"patience": 1},
        {"dropout": 0},
        {"lora.rank": 1, "lora.dropout": 0},
        {"decode.top_p": 1},
        {"decode.top_k": 1},
        {"decode.max_new_tokens": 1},
    ],
    ids=str,
)
def test_the_bounds_themselves_are_allowed(flat: dict[str, Any]) -> None:
    train, decode = from_flat(flat)
    assert flat.items() <= {**to_flat(train), **to_flat(decode)}.items()


def test_flat_keys_lead_back() -> None:
    flat = {"lr": 0.1, "lora.rank": 4, "epochs": 3, "decode.top_k": 5, "decode.temperature": 0.7}
    train, decode = from_flat(flat)
    assert train == TrainConfig(lr=0.1, epochs=3, lora=LoRAConfig(rank=4))
    assert from_flat({**to_flat(train), **to_flat(decode)}) == (train, decode)


def test_disabled_groups_are_omitted_and_all_keys_are_known() -> None:
    flat = to_flat(TrainConfig())
    assert not any(key.startswith("lora.") for key in flat)
    assert None not in flat.values()
    assert set(to_flat(TrainConfig(lora=LoRAConfig(rank=1)))) <= set(train_keys())
    assert set(to_flat(DecodeConfig())) <= set(decode_keys())


def test_default_settings_of_an_optimizer_are_left_out() -> None:
    """So that the ids of points are what they were before optimizers had settings."""
    for flat in ({"optimizer": "soap", "soap.beta1": 0.95}, {"adamw.beta1": 0.9, "adamw.eps": 1e-8}):
        train, _ = from_flat(flat)
        plain, _ = from_flat({key: value for key, value in flat.items() if "." not in key})
        assert train == plain
        assert to_flat(train) == to_flat(plain)


def test_other_settings_of_an_optimizer_lead_back() -> None:
    train, _ = from_flat({"optimizer": "soap", "soap.precondition_frequency": 2})
    flat = to_flat(train)
    assert flat["soap.precondition_frequency"] == 2
    assert flat["soap.beta1"] == 0.95
    assert from_flat(flat)[0] == train


def test_lora_may_be_named_or_not() -> None:
    assert from_flat({"peft": "lora", "lora.rank": 2}) == from_flat({"lora.rank": 2})
    assert "peft" not in to_flat(from_flat({"lora.rank": 2})[0])


def test_every_optimizer_has_its_keys() -> None:
    keys = train_keys()
    assert {"adamw.beta1", "adamw.beta2", "adamw.eps", "soap.beta1", "soap.beta2"} <= set(keys)
    assert keys["soap.precondition_frequency"] is int
    assert "optimizer_settings" not in keys


def test_tasks_that_score_one_draw_refuse_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "sonnets", replace(TASKS["sonnets"], repeats=False))
    with pytest.raises(SettingError, match="task sonnets scores a single draw"):
        from_flat({"decode.repeats": 3})
