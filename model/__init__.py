"""A GPT-2 from scratch with LoRA, SMART, its optimizers, decodings and tasks. Knows nothing of sweeps.

The public names load on first use, so that `import model` costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from model.config import DecodeConfig as DecodeConfig
    from model.config import TrainConfig as TrainConfig
    from model.decoding.generate import generate as generate
    from model.errors import BaseError as BaseError
    from model.errors import DataError as DataError
    from model.errors import DivergedError as DivergedError
    from model.errors import SettingError as SettingError
    from model.gpt2 import GPT2 as GPT2
    from model.gpt2_config import GPT2Config as GPT2Config
    from model.methods.lora import apply_lora as apply_lora
    from model.methods.lora import merge_lora as merge_lora
    from model.methods.lora import unmerge_lora as unmerge_lora
    from model.methods.settings import LoRAConfig as LoRAConfig
    from model.methods.settings import SMARTConfig as SMARTConfig
    from model.methods.smart import smart_loss as smart_loss
    from model.optim.adamw import AdamW as AdamW
    from model.optim.soap import SOAP as SOAP
    from model.pretrained.bases import Base as Base
    from model.pretrained.bases import load_base as load_base
    from model.pretrained.tokenizer import Tokenizer as Tokenizer
    from model.task_specs import TASKS as TASKS
    from model.training import EpochReport as EpochReport
    from model.training import Training as Training
    from model.training import train as train

_HOME = {  # public name -> the module that defines it
    "AdamW": "model.optim.adamw",
    "Base": "model.pretrained.bases",
    "BaseError": "model.errors",
    "DataError": "model.errors",
    "DecodeConfig": "model.config",
    "DivergedError": "model.errors",
    "EpochReport": "model.training",
    "GPT2": "model.gpt2",
    "GPT2Config": "model.gpt2_config",
    "LoRAConfig": "model.config",
    "SMARTConfig": "model.config",
    "SOAP": "model.optim.soap",
    "SettingError": "model.errors",
    "TASKS": "model.task_specs",
    "Tokenizer": "model.pretrained.tokenizer",
    "TrainConfig": "model.config",
    "Training": "model.training",
    "apply_lora": "model.methods.lora",
    "generate": "model.decoding.generate",
    "load_base": "model.pretrained.bases",
    "merge_lora": "model.methods.lora",
    "smart_loss": "model.methods.smart",
    "train": "model.training",
    "unmerge_lora": "model.methods.lora",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(_HOME)
