"""The registry of optimizers: settings reach them, and their state has the forecast size."""

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from model.config import TrainConfig
from model.optim.elementwise import Elementwise
from model.optim.registry import OPTIMIZERS
from model.rng import generator
from model.settings import Settings, build, setting
from model.specs import OptimizerSpec
from model.training import Training

SHAPES = [(6, 4), (4,), (3, 2, 5), (30, 4)]
VALUES: dict[str, dict[str, Any]] = {  # none of them a default
    "adamw": {"beta1": 0.8, "beta2": 0.9, "eps": 1e-3},
    "soap": {"beta1": 0.8, "beta2": 0.9, "eps": 1e-3, "precondition_frequency": 3, "max_precond_dim": 20},
}


def stepped(spec: OptimizerSpec, settings: Settings, steps: int = 3) -> torch.optim.Optimizer:
    """The optimizer after some steps on parameters of SHAPES."""
    rng = generator(0, "test")
    params = [torch.randn(shape, generator=rng).requires_grad_() for shape in SHAPES]
    optimizer = spec.build(params, 0.1, 0.0, settings)
    for _ in range(steps):
        for param in params:
            param.grad = torch.randn(param.shape, generator=rng)
        optimizer.step()
    return optimizer


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_setting_reaches_the_optimizer(name: str) -> None:
    spec = OPTIMIZERS[name]
    settings = build(spec.settings, VALUES[name])
    optimizer = spec.build([torch.ones(2, requires_grad=True)], 0.1, 0.5, settings)
    (group,) = optimizer.param_groups
    given = {**group, **dict(zip(("beta1", "beta2"), group["betas"], strict=True))}
    assert {key: given[key] for key in VALUES[name]} == VALUES[name]
    assert (group["lr"], group["weight_decay"]) == (0.1, 0.5)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("own", [False, True])
def test_the_forecast_bytes_are_those_of_the_state(name: str, own: bool) -> None:
    spec = OPTIMIZERS[name]
    settings = build(spec.settings, VALUES[name] if own else {})
    state = stepped(spec, settings).state
    tensors = [value for each in state.values() for value in each.values() if isinstance(value, Tensor)]
    assert spec.state_bytes(SHAPES, settings) == sum(value.numel() * value.element_size() for value in tensors)


@dataclass(frozen=True, kw_only=True)
class SignSettings(Settings):
    prefix: ClassVar[str] = "sign."
    power: float = setting(0.0, unit="exponent of the size of the gradient", low=0)


def sign(param: Tensor, grad: Tensor, state: dict[str, Any], options: dict[str, Any]) -> None:
    param.add_(grad.sign() * grad.abs() ** options["power"], alpha=-options["lr"])


def test_registered_optimizer_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = OptimizerSpec(
        settings=SignSettings,
        build=lambda params, lr, weight_decay, settings: Elementwise(params, sign, lr=lr, power=settings.power),
        state_bytes=lambda shapes, settings: 0,
        weight_decay=0.3,
    )
    monkeypatch.setitem(OPTIMIZERS, "sign", spec)
    config = TrainConfig(optimizer="sign", optimizer_settings=SignSettings(power=2.0))
    assert config.weight_decay == 0.3
    optimizer = Training(config, torch.device("cpu")).optimizer
    assert isinstance(optimizer, Elementwise)
    assert optimizer.param_groups[0]["power"] == 2.0
