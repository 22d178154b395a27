"""LoRA adapters as a folder that PEFT loads on top of the base.

Here the query, key and value projections have adapters of their own, of rank r, on one fused matrix. PEFT has one
adapter for the matrix. Stacked, they are one of rank 3 r: A holds the three A below each other, and B is
block-diagonal. So B A, and every output, is the same.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from model.methods.lora import LoRAConv1D, lora_layers
from model.pretrained.files import RELEASED
from sweep.errors import RunError
from sweep.export.trained import TrainedModel
from sweep.export.transformers_folder import write_json, write_tokenizer
from sweep.planning.sources import Source

LAYER = "base_model.model.transformer.h.{}.attn.c_attn.lora_{}.weight"
BASE = "base"  # folder of the base beside the adapter, if the base is not on a hub


def write_adapter(trained: TrainedModel, folder: Path) -> None:
    """Write the adapters of a point to `folder`, and its base, too, if that is on no hub.

    Raise RunError if the point was not trained with LoRA.
    """
    lora = trained.train.lora
    if lora is None:
        raise RunError(f"point {trained.point.point_id} was not trained with LoRA: use --format hf")
    save_file(adapter_weights(trained), folder / "adapter_model.safetensors", {"format": "pt"})
    layers = list(lora_layers(trained.model))
    rank = layers[0].lora_A.size(0) * lora.rank
    classifies = trained.model.classifier is not None
    write_json(
        folder / "adapter_config.json",
        {
            "peft_type": "LORA",
            "task_type": "SEQ_CLS" if classifies else "CAUSAL_LM",
            "base_model_name_or_path": hub_id(trained) or BASE,
            "revision": base_of(trained).revision,
            "r": rank,
            "lora_alpha": lora.scale * rank,  # PEFT multiplies B A by lora_alpha / r
            "lora_dropout": lora.dropout,
            "target_modules": ["c_attn"],
            "fan_in_fan_out": True,
            "bias": "none",
            "inference_mode": True,
            "modules_to_save": ["score"] if classifies else None,
        },
    )
    write_tokenizer(trained, folder)
    if hub_id(trained) is None:
        write_base(trained, folder / BASE)


def adapter_weights(trained: TrainedModel) -> dict[str, Tensor]:
    """Return the adapters under PEFT's names, A (3 r, C) and B (3 O, 3 r) of each block, and the head, if any."""
    weights: dict[str, Tensor] = {}
    for block, layer in enumerate(lora_layers(trained.model)):
        A, B = stacked(layer)
        weights |= {LAYER.format(block, "A"): A, LAYER.format(block, "B"): B}
    if trained.model.classifier is not None:
        weights["base_model.model.score.weight"] = trained.model.classifier.weight.detach().cpu().contiguous()
    return weights


def stacked(layer: LoRAConv1D) -> tuple[Tensor, Tensor]:
    """Return the adapters of a layer as one, (P, r, C), (P, O, r) -> (P r, C), (P O, P r)."""
    A, B = layer.lora_A.detach().cpu(), layer.lora_B.detach().cpu()
    return A.flatten(0, 1).contiguous(), torch.block_diag(*B).contiguous()  # type: ignore[no-untyped-call]


def base_of(trained: TrainedModel) -> Source:
    """Return the base as the run found it."""
    return trained.folder.spec.provenance.base(trained.point)


def hub_id(trained: TrainedModel) -> str | None:
    """Return the hub id of the base; None if the base is a folder or the shipped one."""
    name = trained.train.base
    return None if name == "tiny" or base_of(trained).place is not None else RELEASED.get(name, name)


def write_base(trained: TrainedModel, folder: Path) -> None:
    """Write the base as it was before training to `folder`, without a head."""
    from model.pretrained.folder import hugging_face_config
    from model.process_cache import cached_base

    folder.mkdir()
    location = trained.training.config
    base = cached_base(location.base, location.revision)
    save_file({name: tensor.contiguous() for name, tensor in base.state.items()}, folder / "model.safetensors")
    write_json(folder / "config.json", {**hugging_face_config(base.config), "pad_token_id": trained.tokenizer.eos_id})
    write_tokenizer(trained, folder)
