"""The settings of LoRA and SMART. Nothing here imports torch."""

from dataclasses import dataclass
from typing import ClassVar

from model.errors import SettingError
from model.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class LoRAConfig(Settings):
    """Low-rank adapters on the query, key and value projections (Hu et al. 2021, arXiv 2106.09685)."""

    prefix: ClassVar[str] = "lora."

    rank: int = setting(unit="rank of the adapter of each projection", low=1)
    scale: float = setting(1.0, unit="multiplier s of B A x itself (PEFT's alpha = s * rank)", above=0)
    dropout: float = setting(0.0, unit="fraction of the adapter's input dropped", low=0, below=1)


@dataclass(frozen=True, kw_only=True)
class SMARTConfig(Settings):
    """Smoothness-inducing adversarial regularization (Jiang et al. 2020, arXiv 1911.03437)."""

    prefix: ClassVar[str] = "smart."

    lam: float = setting(0.0, unit="weight of the smoothness term in the loss; 0 = the proximal term alone", low=0)
    variant: str = setting("custom", unit="how noise becomes adversarial", choices=("library", "custom", "paper"))
    eps: float = setting(1e-5, unit="radius of the noise in embedding units; in `library` a mere stabiliser", above=0)
    step_size: float = setting(1e-3, unit="length of an ascent step", above=0)
    noise_var: float = setting(1e-5, unit="variance of the first noise", above=0)
    steps: int = setting(1, unit="ascent steps per optimizer step", low=1)
    reduction: str | None = setting(
        None,
        unit="what the term is divided by: positions, sequences or nothing; None = sum in `library`, else mean",
        choices=("mean", "batchmean", "sum"),
    )
    bregman_mu: float = setting(0.0, unit="weight of the proximal term in the loss; 0 = off", low=0)
    bregman_beta: float | None = setting(
        None, unit="share of the teacher that each step keeps; None = 0.99 where there is one", low=0, below=1
    )

    @property
    def passes(self) -> int:
        """Forward passes per optimizer step: clean input, each ascent step, perturbed input, and teacher."""
        return 1 + (self.steps + 1 if self.lam else 0) + (1 if self.bregman_mu else 0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reduction is None:
            object.__setattr__(self, "reduction", "sum" if self.variant == "library" else "mean")
        if not self.lam and not self.bregman_mu:
            raise SettingError("smart.lam", "must be above 0 if smart.bregman_mu is 0: otherwise SMART does nothing")
        if self.bregman_beta is not None and not self.bregman_mu:
            raise SettingError("smart.bregman_beta", "has no effect while smart.bregman_mu is 0")
        if self.bregman_beta is None and self.bregman_mu:
            object.__setattr__(self, "bregman_beta", 0.99)
