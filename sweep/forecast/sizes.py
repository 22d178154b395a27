"""How many bytes a training's checkpoints take, from the shape of its base alone: nothing is loaded."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from model.config import TrainConfig
from model.gpt2_config import GPT2Config
from model.pretrained.files import find_base, read_config
from model.task_specs import TASKS

Shape = tuple[int, ...]

FLOAT_BYTES = 4
HEAD_CLASSES = 5  # of a task's own head, where only its data could tell: the most of the shipped sets
MAX_PRECOND_DIM = 10_000  # SOAP's own default: a longer side has no basis


@dataclass(frozen=True)
class Sizes:
    """Of one training."""

    total_params: int  # of the base
    trainable_params: int
    final_bytes: int  # its weights as a finished training keeps them
    resumable_bytes: int  # a checkpoint to go on from: the optimizer's state too, and a teacher where there is one


def sizes(config: TrainConfig, revision: str | None) -> Sizes:
    """`revision`: the commit that the base was resolved to. Raises BaseError where the base cannot be had."""
    base = _base_shape(config.base, revision)
    plain = _parameter_shapes(base)
    shapes = _trained(config, base, plain)
    weights = FLOAT_BYTES * sum(map(math.prod, shapes))
    teacher = weights if config.smart and config.smart.bregman_mu else 0
    return Sizes(
        total_params=sum(map(math.prod, plain)),
        trainable_params=weights // FLOAT_BYTES,
        final_bytes=weights,
        resumable_bytes=weights + teacher + _optimizer_bytes(config.optimizer, shapes),
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
    """The shapes of what a training changes."""
    shapes = [] if config.lora or config.freeze else list(plain)
    if config.lora:
        rank, width = config.lora.rank, base.n_embd
        shapes += [(3, rank, width), (3, width, rank)] * base.n_layer  # query, key and value of each block
    if TASKS[config.task].has_head:
        shapes.append((HEAD_CLASSES, base.n_embd))
    return shapes


def _optimizer_bytes(optimizer: str, shapes: Sequence[Shape]) -> int:
    """Both averages of every weight; with SOAP, for each side of a matrix, its preconditioner and its basis."""
    averages = 2 * sum(map(math.prod, shapes))
    if optimizer != "soap":
        return FLOAT_BYTES * averages
    matrices = [(math.prod(shape[:-2]), side) for shape in shapes if len(shape) > 1 for side in shape[-2:]]
    return FLOAT_BYTES * (averages + sum(2 * n * side**2 for n, side in matrices if side <= MAX_PRECOND_DIM))
