"""Bytes that the checkpoints of a training take, from the shape of its base: no weights are loaded."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from model.config import TrainConfig
from model.gpt2_config import GPT2Config
from model.methods.registry import METHODS
from model.optim.registry import OPTIMIZERS
from model.pretrained.files import find_base, read_config
from model.specs import FLOAT_BYTES, Shape
from model.task_specs import TASKS

HEAD_CLASSES = 5  # of a head of the task's own: the most of the shipped sets, since only the data could tell


@dataclass(frozen=True)
class Sizes:
    """Parameters and checkpoint bytes of one training."""

    total_params: int  # of the base
    trainable_params: int
    final_bytes: int  # of the checkpoint of a finished training: its trained weights
    resumable_bytes: int  # of a checkpoint to resume from: also the optimizer's state, and the teacher of SMART


def sizes(config: TrainConfig, revision: str | None) -> Sizes:
    """Return the sizes of a training on the base at commit `revision`. Raise BaseError if the base cannot be found."""
    base = _base_shape(config.base, revision)
    plain = _parameter_shapes(base)
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


@functools.cache
def _parameter_shapes(base: GPT2Config) -> tuple[Shape, ...]:
    import torch

    from model.gpt2 import GPT2

    with torch.device("meta"):
        return tuple(tuple(parameter.shape) for parameter in GPT2(base).parameters())


def _trained(config: TrainConfig, base: GPT2Config, plain: Sequence[Shape]) -> list[Shape]:
    """Return the shapes of the tensors that a training changes."""
    shapes = [] if config.peft_name or config.freeze else list(plain)
    if config.peft_name:
        shapes += METHODS[config.peft_name].trained_shapes(config.peft_values, base)
    if TASKS[config.task].has_head:
        shapes.append((HEAD_CLASSES, base.n_embd))
    return shapes
