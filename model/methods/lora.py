"""LoRA: a frozen projection W0 plus a trained product of two thin matrices.

    h = W0 x + s * B A dropout(x)        A: r x C_in, B: C_out x r, B = 0 at first

Source: Hu et al. 2021, arXiv 2106.09685, section 4.1; initialisation as in microsoft/LoRA `loralib/layers.py`
(commit 4c0333). The paper's alpha / r is the single multiplier s here. GPT-2 keeps its query, key and value
projections in one matrix `c_attn`; each of the three has its own A and B of rank r.

Shapes: C width in, O = C the width of one projection, r rank, P = 3 projections.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from model.dropout import Dropout
from model.gpt2 import GPT2, Conv1D
from model.rng import generator

PROJECTIONS = 3  # query, key, value


class LoRAConv1D(nn.Module):
    """A frozen Conv1D with one adapter for each of its P equal parts, (..., C) -> (..., P * O).

    Keeps the names `weight` and `bias`, so a base's state dict fits with and without adapters.
    """

    def __init__(self, frozen: Conv1D, rank: int, scale: float, dropout: float) -> None:
        super().__init__()
        n_in, n_out = frozen.weight.shape
        self.weight = nn.Parameter(frozen.weight.detach(), requires_grad=False)
        self.bias = nn.Parameter(frozen.bias.detach(), requires_grad=False)
        self.lora_A = nn.Parameter(torch.zeros(PROJECTIONS, rank, n_in, device=self.weight.device))
        self.lora_B = nn.Parameter(torch.zeros(PROJECTIONS, n_out // PROJECTIONS, rank, device=self.weight.device))
        self.scale = scale
        self.lora_dropout = Dropout(dropout)
        # W0 while `weight` holds W0 + s B A. A buffer moves with the model, but is no parameter and is not saved.
        self._unmerged: Tensor | None
        self.register_buffer("_unmerged", None, persistent=False)

    def init_adapter(self, rng: torch.Generator) -> None:
        """A ~ U(-1/sqrt(C), 1/sqrt(C)), which is Kaiming with a = sqrt(5); B stays zero, so h starts as W0 x."""
        bound = 1 / math.sqrt(self.lora_A.size(2))
        with torch.no_grad():  # drawn where the generator lives, then moved: equal adapters on every device
            self.lora_A.copy_(torch.empty(self.lora_A.shape).uniform_(-bound, bound, generator=rng))

    def delta(self) -> Tensor:
        """s * B A of every projection in `weight`'s layout, (C, P * O)."""
        return self.scale * (self.lora_B @ self.lora_A).flatten(0, 1).T

    @property
    def merged(self) -> bool:
        return self._unmerged is not None

    def merge(self) -> None:
        """Put s * B A into the weight. The frozen tensor itself is left alone: other models may share it."""
        if self._unmerged is None:
            self._unmerged = self.weight.detach()
            self.weight = nn.Parameter((self.weight + self.delta()).detach(), requires_grad=False)

    def unmerge(self) -> None:
        """Bring the frozen weight back, bit for bit."""
        if self._unmerged is not None:
            self.weight = nn.Parameter(self._unmerged, requires_grad=False)
            self._unmerged = None

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, x.size(-1))  # (N, C)
        out = torch.addmm(self.bias, flat, self.weight)  # (N, P * O)
        if not self.merged:
            low = self.lora_dropout(flat) @ self.lora_A.flatten(0, 1).T  # (N, P * r)
            parts = zip(low.chunk(PROJECTIONS, dim=1), self.lora_B, strict=True)
            out = out + self.scale * torch.cat([part @ B.T for part, B in parts], dim=1)
        return out.view(*x.shape[:-1], -1)


def apply_lora(model: GPT2, *, rank: int, scale: float = 1.0, dropout: float = 0.0, seed: int = 0) -> GPT2:
    """Freeze `model` and give its query, key and value projections adapters, in place.

    `rank` of each adapter, `scale` the multiplier s itself, `dropout` the fraction of the adapter's input dropped.
    Raises ValueError when `model` has adapters already.
    """
    model.requires_grad_(False)
    rng = generator(seed, "init")
    for block in model.blocks():
        frozen = block.attn.c_attn
        if not isinstance(frozen, Conv1D):
            raise ValueError("the model has LoRA adapters already: load the base again for new ones")
        layer = LoRAConv1D(frozen, rank, scale, dropout)
        layer.init_adapter(rng)
        block.attn.c_attn = layer
    return model


def lora_layers(model: GPT2) -> Iterator[LoRAConv1D]:
    """The adapted projections of `model`, first block first."""
    return (module for module in model.modules() if isinstance(module, LoRAConv1D))


def merge_lora(model: GPT2) -> GPT2:
    """Fold every adapter into its projection, in place: inference then costs what the base costs."""
    for layer in lora_layers(model):
        layer.merge()
    return model


def unmerge_lora(model: GPT2) -> GPT2:
    """Undo `merge_lora` exactly."""
    for layer in lora_layers(model):
        layer.unmerge()
    return model
