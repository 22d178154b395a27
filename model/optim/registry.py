"""The registry of optimizers: name -> spec. torch is imported only when an optimizer is built.

To add an optimizer, write its file and add its line to `OPTIMIZERS`.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from model.optim.settings import SOAP_WEIGHT_DECAY, AdamWSettings, SOAPSettings
from model.specs import FLOAT_BYTES, OptimizerSpec, Shape

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer


def _adamw(params: "list[Tensor]", lr: float, weight_decay: float, settings: AdamWSettings) -> "Optimizer":
    from model.optim.adamw import AdamW

    betas = (settings.beta1, settings.beta2)
    return AdamW(params, lr=lr, betas=betas, eps=settings.eps, weight_decay=weight_decay)


def _soap(params: "list[Tensor]", lr: float, weight_decay: float, settings: SOAPSettings) -> "Optimizer":
    from model.optim.soap import SOAP

    rest = {name: getattr(settings, name) for name in ("eps", "precondition_frequency", "max_precond_dim")}
    return SOAP(params, lr=lr, betas=(settings.beta1, settings.beta2), weight_decay=weight_decay, **rest)


def _averages(shapes: Sequence[Shape], settings: object = None) -> int:
    """Return the size in bytes of the two running means of every weight."""
    return FLOAT_BYTES * 2 * sum(map(math.prod, shapes))


def _soap_bytes(shapes: Sequence[Shape], settings: SOAPSettings) -> int:
    """Return the size in bytes of the running means, and of the preconditioner and basis of each rotated side."""
    sides = [(math.prod(shape[:-2]), side) for shape in shapes if len(shape) > 1 for side in shape[-2:]]
    rotated = sum(2 * count * side**2 for count, side in sides if side <= settings.max_precond_dim)
    return _averages(shapes) + FLOAT_BYTES * rotated


OPTIMIZERS = {
    "adamw": OptimizerSpec(settings=AdamWSettings, build=_adamw, state_bytes=_averages),
    "soap": OptimizerSpec(
        settings=SOAPSettings, build=_soap, state_bytes=_soap_bytes, weight_decay=SOAP_WEIGHT_DECAY, idle_steps=1
    ),
}
