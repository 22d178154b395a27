"""Configurations in Python: groups as mappings, defaults, invalid combinations, and help texts."""

import inspect
from dataclasses import replace
from typing import Any

import pytest

from model.config import DecodeConfig, TrainConfig
from model.errors import SettingError
from model.methods.settings import LoRAConfig, SMARTConfig
from model.optim.settings import AdamWSettings, SOAPSettings
from model.settings import Settings, fields_of


def test_an_int_serves_as_a_float_and_is_stored_as_one() -> None:
    assert isinstance(TrainConfig(lr=1).lr, float)


def test_top_p_has_a_default_only_without_other_filters() -> None:
    assert DecodeConfig().top_p == 0.9
    assert DecodeConfig(top_k=3).top_p is None
    assert DecodeConfig(top_k=3, top_p=0.8).top_p == 0.8


def test_a_mapping_makes_a_group() -> None:
    assert TrainConfig(lora={"rank": 2}).lora == LoRAConfig(rank=2)  # type: ignore[arg-type]
    soap = TrainConfig(optimizer="soap", optimizer_settings={"eps": 1e-6})  # type: ignore[arg-type]
    assert soap.optimizer_settings == SOAPSettings(eps=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: TrainConfig(batchsize=2),
            r"batchsize: is not a setting; did you mean 'batch_size'\? Known: task, data",
        ),
        (lambda: TrainConfig(lora={"rnk": 2}), r"lora\.rnk: is not a setting; did you mean 'lora\.rank'\?"),
        (lambda: LoRAConfig(rank=2, scales=1.0), r"lora\.scales: is not a setting; did you mean 'lora\.scale'\?"),
        (lambda: DecodeConfig(topp=0.9), r"decode\.topp: is not a setting; did you mean 'decode\.top_p'\?"),
        (lambda: SOAPSettings(frequency=2), r"soap\.frequency: is not a setting; did you mean 'soap\.precondition"),
        (lambda: TrainConfig(lora={}), r"lora\.rank: is needed"),
        (lambda: TrainConfig(optimizer_settings=SOAPSettings()), "optimizer_settings: must be AdamWSettings or None"),
        (
            lambda: TrainConfig(precision="tf32", smart={"lam": 1.0}),
            "precision: tf32 rounds away the small differences that SMART and Bregman measure; leave",
        ),
        (
            lambda: TrainConfig(precision="bf16", smart={"bregman_mu": 0.1}),
            "precision: bf16 rounds away the small differences that SMART and Bregman measure; leave",
        ),
        (lambda: TrainConfig(peft_settings={"rank": 2}), "peft_settings: must be Settings or None"),
        (lambda: TrainConfig(peft_settings=LoRAConfig(rank=2)), "peft_settings: has no effect while peft is None"),
    ],
)
def test_wrong_key_or_group_is_a_clear_error(make: Any, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        make()


def test_fp32_is_none_and_smart_keeps_auto_there() -> None:
    smart = SMARTConfig(lam=1.0)
    assert TrainConfig(precision="fp32") == TrainConfig()
    assert TrainConfig(precision="auto", smart=smart) == TrainConfig(smart=smart)
    assert TrainConfig(precision="auto").precision == "auto"


def test_settings_of_defaults_are_none() -> None:
    explicit = TrainConfig(optimizer="soap", optimizer_settings=SOAPSettings())
    assert explicit == TrainConfig(optimizer="soap")
    assert hash(explicit) == hash(TrainConfig(optimizer="soap"))
    assert explicit.optimizer_values == SOAPSettings()
    assert replace(TrainConfig(), optimizer="soap").optimizer_values == SOAPSettings()


def test_weight_decay_is_that_of_the_optimizer() -> None:
    assert TrainConfig().weight_decay == 0
    assert TrainConfig(optimizer="soap").weight_decay == 0.01
    assert TrainConfig(optimizer="soap", weight_decay=0.0).weight_decay == 0


@pytest.mark.parametrize("kind", [TrainConfig, DecodeConfig, LoRAConfig, SMARTConfig, AdamWSettings, SOAPSettings])
def test_help_states_unit_bounds_and_default_of_every_field(kind: type[Settings]) -> None:
    text = inspect.getdoc(kind) or ""
    lines = dict(line.strip().split(": ", 1) for line in text.partition("Settings:\n")[2].splitlines())
    assert list(lines) == [field.name for field, _ in fields_of(kind)]
    for field, _ in fields_of(kind):
        bounds = field.metadata["bounds"]
        assert lines[field.name].startswith(bounds.unit)
        assert str(bounds) in lines[field.name]


def test_help_is_readable() -> None:
    text = LoRAConfig.__doc__ or ""
    assert text.startswith("Low-rank adapters")
    assert "    rank: rank of the adapter of each projection (at least 1; must be given)" in text
    assert "    dropout: fraction of the adapter's input dropped (at least 0, below 1; default 0.0)" in text
    assert "(one of adamw, soap; default 'adamw')" in (TrainConfig.__doc__ or "")


@pytest.mark.parametrize("key", ["seed", "batch_size", "epochs"])
def test_whole_numbers_have_64_bits(key: str) -> None:
    assert TrainConfig(**{key: 2**63 - 1})
    with pytest.raises(SettingError, match=rf"{key}: must be at most 9223372036854775807 \(64 bits\)"):
        TrainConfig(**{key: 2**63})
