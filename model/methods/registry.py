"""The registry of PEFT methods: name -> spec. torch is imported only when a method is applied or merged.

To add a method, write its file and add its line to `METHODS`.
"""

from typing import TYPE_CHECKING

from model.gpt2_config import GPT2Config
from model.methods.settings import LoRAConfig
from model.specs import PEFTSpec, Shape

if TYPE_CHECKING:
    from model.gpt2 import GPT2

PROJECTIONS = 3  # query, key and value: the projections that LoRA adapts in each block


def _apply_lora(model: "GPT2", settings: LoRAConfig, seed: int) -> None:
    from model.methods.lora import apply_lora

    apply_lora(model, rank=settings.rank, scale=settings.scale, dropout=settings.dropout, seed=seed)


def _merge_lora(model: "GPT2") -> None:
    from model.methods.lora import merge_lora

    merge_lora(model)


def _lora_shapes(settings: LoRAConfig, base: GPT2Config) -> list[Shape]:
    rank, width = settings.rank, base.n_embd
    return [(PROJECTIONS, rank, width), (PROJECTIONS, width, rank)] * base.n_layer


METHODS = {
    "lora": PEFTSpec(
        settings=LoRAConfig, apply=_apply_lora, merge=_merge_lora, trained_shapes=_lora_shapes, is_static=True
    ),
}
