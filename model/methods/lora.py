"""LoRA: a frozen projection W0 plus a trained low-rank product.

    h = W0 x + s * B A dropout(x)        A: r x C_in, B: C_out x r, initially 0

Source: Hu et al. 2021, arXiv 2106.09685, section 4.1; initialisation as in microsoft/LoRA `loralib/layers.py`
(commit 4c0333). The single multiplier s stands for the paper's alpha / r. GPT-2 stores its query, key and value
projections in one matrix, `c_attn`; each of the three has its own A and B of rank r.

Shapes: N positions, C input width, O = C output width of one projection, r rank, P = 3 projections.
"""

import math
from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn

from model.casting import as_dtype, keep_cast
from model.dropout import Dropout
from model.gpt2 import GPT2, Conv1D
from model.methods.settings import LoRAConfig
from model.products import linear
from model.rng import generator

PROJECTIONS = 3  # query, key, value


class LoRAConv1D(nn.Module):
    """A frozen Conv1D with an adapter for each of its P projections, (..., C) -> (..., P * O).

    It keeps the names `weight` and `bias`, so a base's state dict loads with and without adapters. While the adapters
    are merged, the state dict is that of a plain Conv1D: it holds W0 + s B A, and no adapters.
    """

    def __init__(self, frozen: Conv1D, rank: int, scale: float, dropout: float) -> None:
        super().__init__()
        n_in, n_out = frozen.weight.shape
        self.weight = nn.Parameter(frozen.weight.detach(), requires_grad=False)
        self.bias = nn.Parameter(frozen.bias.detach(), requires_grad=False)
        self.lora_A = nn.Parameter(torch.zeros(PROJECTIONS, rank, n_in, device=self.weight.device))
        self.lora_B = nn.Parameter(torch.zeros(PROJECTIONS, n_out // PROJECTIONS, rank, device=self.weight.device))
        self.scale = scale
        self.dtype = frozen.dtype
        self.lora_dropout = Dropout(dropout)
        # W0 while `weight` holds W0 + s B A. A non-persistent buffer moves with the model but is not saved.
        self._unmerged: Tensor | None
        self.register_buffer("_unmerged", None, persistent=False)

    def init_adapter(self, rng: torch.Generator) -> None:
        """Sample A ~ U(-1/sqrt(C), 1/sqrt(C)), which is Kaiming with a = sqrt(5). B stays 0, so h = W0 x."""
        bound = 1 / math.sqrt(self.lora_A.size(2))
        with torch.no_grad():  # sampled on the generator's device, then moved: equal on every device
            self.lora_A.copy_(torch.empty(self.lora_A.shape).uniform_(-bound, bound, generator=rng))

    def delta(self) -> Tensor:
        """Return s * B A of all projections, in the layout of `weight`, (C, P * O)."""
        return self.scale * (self.lora_B @ self.lora_A).flatten(0, 1).T

    @property
    def merged(self) -> bool:
        return self._unmerged is not None

    def merge(self) -> None:
        """Add s * B A to a copy of the weight. The frozen tensor itself is not changed: other models may share it."""
        if self._unmerged is None:
            self._unmerged = self.weight.detach()
            keep_cast(self.weight, self._unmerged)
            self.weight = nn.Parameter((self.weight + self.delta()).detach(), requires_grad=False)

    def unmerge(self) -> None:
        """Restore the frozen weight, bit for bit."""
        if self._unmerged is not None:
            self.weight = nn.Parameter(self._unmerged, requires_grad=False)
            keep_cast(self._unmerged, self.weight)
            self._unmerged = None

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        for name in ("lora_A", "lora_B") if self.merged else ():
            del destination[prefix + name]

    def _load_from_state_dict(self, state: Any, prefix: str, *rest: Any) -> None:
        """Refuse to load into a merged layer, whose W0 would then not belong to its weight."""
        if self.merged:
            rest[-1].append(f"the adapters of {prefix[:-1]} are merged: call unmerge_lora before loading")
        else:
            super()._load_from_state_dict(state, prefix, *rest)

    def forward(self, x: Tensor) -> Tensor:
        dtype = self.dtype or x.dtype
        flat = x.reshape(-1, x.size(-1)).to(dtype)  # (N, C)
        out = linear(flat, as_dtype(self.weight, dtype).T, as_dtype(self.bias, dtype))  # (N, P * O)
        if not self.merged:
            low = self.lora_dropout(flat).to(dtype) @ as_dtype(self.lora_A, dtype).flatten(0, 1).T  # (N, P * r)
            if self.dtype is not None:  # one product instead of P, because each is short
                B: Tensor = torch.block_diag(*self.lora_B.mT * self.scale)  # type: ignore[no-untyped-call]
                out = torch.addmm(out, low, B.to(dtype))  # (N, P * r), (P * r, P * O)
            else:
                parts = zip(low.chunk(PROJECTIONS, dim=1), self.lora_B, strict=True)
                out = out + self.scale * torch.cat([part @ B.T for part, B in parts], dim=1)
        return out.view(*x.shape[:-1], -1)


def apply_lora(model: GPT2, *, rank: int, scale: float = 1.0, dropout: float = 0.0, seed: int = 0) -> GPT2:
    """Freeze `model` and add adapters to its query, key and value projections, in place. Return `model`.

    `rank` is the rank of each adapter, `scale` the multiplier s, `dropout` the dropout rate of the adapter's input.
    Raise SettingError if one of them is out of the bounds of LoRAConfig, ValueError if `model` already has adapters;
    the model is then unchanged.
    """
    checked = LoRAConfig(rank=rank, scale=scale, dropout=dropout)
    if not all(isinstance(block.attn.c_attn, Conv1D) for block in model.blocks()):
        raise ValueError("the model has LoRA adapters already: load the base again to add new ones")
    model.requires_grad_(False)
    rng = generator(seed, "init")
    for block in model.blocks():
        layer = LoRAConv1D(cast(Conv1D, block.attn.c_attn), checked.rank, checked.scale, checked.dropout)
        layer.init_adapter(rng)
        block.attn.c_attn = layer
    return model


def lora_layers(model: GPT2) -> Iterator[LoRAConv1D]:
    """Return the layers of `model` that have adapters, the first block's first."""
    return (module for module in model.modules() if isinstance(module, LoRAConv1D))


def merge_lora(model: GPT2) -> GPT2:
    """Merge every adapter into its projection, in place, so that inference is as fast as with the base."""
    for layer in lora_layers(model):
        layer.merge()
    return model


def unmerge_lora(model: GPT2) -> GPT2:
    """Undo `merge_lora` exactly."""
    for layer in lora_layers(model):
        layer.unmerge()
    return model
