"""Compute the bytes of a trial's checkpoints from the shapes of its base, without loading weights."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from model.config import TrainConfig
from model.gpt2_config import GPT2Config, parameter_shapes
from model.methods.registry import METHODS
from model.optim.registry import OPTIMIZERS
from model.pretrained.files import find_base, read_config
from model.specs import FLOAT_BYTES, Shape

HEAD_CLASSES = 5  # of a classification head: the most in the shipped data sets, because only the data could tell


@dataclass(frozen=True)
class Sizes:
    """Parameters and checkpoint bytes of one trial."""

    total_params: int  # of the base
    trainable_params: int
    final_bytes: int  # checkpoint of a finished trial: its trained weights
    resumable_bytes: int  # checkpoint to resume from: also optimizer state and SMART's teacher


def sizes(config: TrainConfig, revision: str | None) -> Sizes:
    """Return the sizes of a trial on the base at commit `revision`. Raise BaseError if the base cannot be found."""
    base = _base_shape(config.base, revision)
    plain = [shape for _, shape in parameter_shapes(base)]
    shapes = _trained(config, base, plain)
    weights = FLOAT_BYTES * sum(map(math.prod, shapes))
    teacher = weights if config.smart and config.smart.bregman_mu else 0
    return Sizes(
        total_params=sum(map(math.prod, plain)),
        trainable_params=weights // FLOAT_BYTES,
        final_bytes=weights,
        resumable_bytes=weights + teacher + OPTIMIZERS[config.optimizer].state_bytes(shapes, config.optimizer_values),
    )


def _base_shape(name: str, revision: str | None) -> GPT2Config:
    return read_config(find_base(name, revision))


def _trained(config: TrainConfig, base: GPT2Config, plain: Sequence[Shape]) -> list[Shape]:
    """Return the shapes of the trained tensors."""
    shapes = [] if config.peft_name or config.freeze else list(plain)
    if config.peft_name:
        shapes += METHODS[config.peft_name].trained_shapes(config.peft_values, base)
    if config.has_head:
        shapes.append((HEAD_CLASSES, base.n_embd))
    return shapes
