"""An extension for tests: a module with an optimizer and its settings, under a unique name per test."""

from pathlib import Path

OPTIMIZER = """
from dataclasses import dataclass
from typing import ClassVar

from model import OptimizerSpec, Settings, setting
from model.optim.elementwise import Elementwise


@dataclass(frozen=True, kw_only=True)
class SignSettings(Settings):
    prefix: ClassVar[str] = "PREFIX"
    power: float = setting(0.5, unit="exponent of the size of the gradient", low=0)
    steps: int | None = setting(None, unit="steps", low=1)
    way: str = setting("down", unit="direction", choices=("down", "up"))


def update(param, grad, state, options):
    param.add_(grad.sign(), alpha=-options["lr"])


Sign = OptimizerSpec(
    settings=SignSettings,
    build=lambda params, lr, weight_decay, settings: Elementwise(params, update, lr=lr),
    state_bytes=lambda shapes, settings: 0,
    weight_decay=0.25,
)
"""


def write_optimizer(folder: Path, module: str, prefix: str = "sign.") -> str:
    """Write the module; return how a space names its optimizer."""
    (folder / f"{module}.py").write_text(OPTIMIZER.replace("PREFIX", prefix))
    return f"{module}:Sign"
