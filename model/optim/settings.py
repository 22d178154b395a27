"""The settings of each optimizer, with the defaults of its paper or released code. Nothing here imports torch."""

from dataclasses import dataclass
from typing import ClassVar

from model.settings import Settings, setting

SOAP_WEIGHT_DECAY = 0.01  # fraction of a weight removed per step and unit of lr: the released code's default


@dataclass(frozen=True, kw_only=True)
class AdamWSettings(Settings):
    """AdamW. Defaults: Kingma & Ba 2015 (arXiv 1412.6980, Algorithm 1)."""

    prefix: ClassVar[str] = "adamw."

    beta1: float = setting(0.9, unit="share of the mean gradient that each step keeps", low=0, below=1)
    beta2: float = setting(0.999, unit="share of the mean squared gradient that each step keeps", low=0, below=1)
    eps: float = setting(1e-8, unit="number added to the denominator, in units of the gradient", above=0)


@dataclass(frozen=True, kw_only=True)
class SOAPSettings(Settings):
    """SOAP. Defaults: the authors' released `soap.py` (github.com/nikhilvyas/SOAP)."""

    prefix: ClassVar[str] = "soap."

    beta1: float = setting(0.95, unit="share of the mean gradient that each step keeps", low=0, below=1)
    beta2: float = setting(
        0.95, unit="share of the mean squared gradient, and of the preconditioner, that each step keeps", low=0, below=1
    )
    eps: float = setting(1e-8, unit="number added to the denominator, in units of the gradient", above=0)
    precondition_frequency: int = setting(10, unit="steps from one refresh of the eigenbases to the next", low=1)
    max_precond_dim: int = setting(10_000, unit="rows or columns; a longer side of a matrix is not rotated", low=0)
