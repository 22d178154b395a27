"""A from-scratch GPT-2 with LoRA, SMART, optimizers, decoding and tasks. Independent of the sweep code.

Public names are imported on first use, so that `import model` is fast. `__init__.pyi` lists them for type checkers.
"""

import importlib
from typing import Any

_NAMES = {  # module -> the public names that it defines
    "config": ("DecodeConfig", "TrainConfig"),
    "decoding.generate": ("generate", "generate_draws"),
    "errors": ("BaseError", "DataError", "DivergedError", "SettingError"),
    "gpt2": ("GPT2",),
    "gpt2_config": ("GPT2Config",),
    "methods.lora": ("apply_lora", "merge_lora", "unmerge_lora"),
    "methods.registry": ("METHODS",),
    "methods.settings": ("LoRAConfig", "SMARTConfig"),
    "methods.smart": ("smart_loss",),
    "optim.adamw": ("AdamW",),
    "optim.registry": ("OPTIMIZERS",),
    "optim.soap": ("SOAP",),
    "pretrained.bases": ("Base", "load_base"),
    "pretrained.tokenizer": ("Tokenizer",),
    "settings": ("Settings", "setting"),
    "specs": ("OptimizerSpec", "PEFTSpec", "TaskSpec"),
    "task_specs": ("TASKS",),
    "tasks.draws": ("over_draws",),
    "training": ("EpochReport", "Training", "train"),
}
_HOME = {name: f"model.{module}" for module, names in _NAMES.items() for name in names}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
