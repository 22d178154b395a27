"""A GPT-2 from scratch with LoRA, SMART, its optimizers, decodings and tasks. Knows nothing of sweeps.

The public names load on first use, so that `import model` costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from model.adamw import AdamW
    from model.base_files import BaseError
    from model.bases import Base, load_base
    from model.config import DecodeConfig, LoRAConfig, SettingError, SMARTConfig, TrainConfig
    from model.decoding import generate
    from model.gpt2 import GPT2
    from model.gpt2_config import GPT2Config
    from model.lora import apply_lora, merge_lora, unmerge_lora
    from model.smart import smart_loss
    from model.soap import SOAP
    from model.tasks import TASKS, DataError
    from model.tokenizer import Tokenizer
    from model.training import DivergedError, EpochReport, Training, train

_HOME = {
    "AdamW": "adamw",
    "Base": "bases",
    "BaseError": "base_files",
    "DataError": "tasks",
    "DecodeConfig": "config",
    "DivergedError": "training",
    "EpochReport": "training",
    "GPT2": "gpt2",
    "GPT2Config": "gpt2_config",
    "LoRAConfig": "config",
    "SMARTConfig": "config",
    "SOAP": "soap",
    "SettingError": "config",
    "TASKS": "tasks",
    "Tokenizer": "tokenizer",
    "TrainConfig": "config",
    "Training": "training",
    "apply_lora": "lora",
    "generate": "decoding",
    "load_base": "bases",
    "merge_lora": "lora",
    "smart_loss": "smart",
    "train": "training",
    "unmerge_lora": "lora",
}

__all__ = [
    "GPT2",
    "SOAP",
    "TASKS",
    "AdamW",
    "Base",
    "BaseError",
    "DataError",
    "DecodeConfig",
    "DivergedError",
    "EpochReport",
    "GPT2Config",
    "LoRAConfig",
    "SMARTConfig",
    "SettingError",
    "Tokenizer",
    "TrainConfig",
    "Training",
    "apply_lora",
    "generate",
    "load_base",
    "merge_lora",
    "smart_loss",
    "train",
    "unmerge_lora",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
