"""Suggestions for mistyped names, and for the names that other programs use."""

import difflib
from collections.abc import Iterable

ALIASES = {  # what other programs call a setting -> its name here
    "learning_rate": "lr",
    "num_epochs": "epochs",
    "num_train_epochs": "epochs",
    "max_epochs": "epochs",
    "batch": "batch_size",
    "bs": "batch_size",
    "per_device_train_batch_size": "batch_size",
    "model": "base",
    "dataset": "data",
    "wd": "weight_decay",
    "rank": "lora.rank",
    "r": "lora.rank",
    "lora_r": "lora.rank",
    "lora.r": "lora.rank",
    "alpha": "lora.scale",
    "lora_alpha": "lora.scale",
    "lora.alpha": "lora.scale",
    "temperature": "decode.temperature",
    "top_p": "decode.top_p",
    "top_k": "decode.top_k",
    "num_beams": "decode.beams",
    "beams": "decode.beams",
    "max_length": "decode.max_new_tokens",
}
ABSENT = {  # what there is no setting for -> what holds instead
    "warmup": "there is no warm-up: the learning rate is constant. ",
    "warmup_steps": "there is no warm-up: the learning rate is constant. ",
    "warmup_ratio": "there is no warm-up: the learning rate is constant. ",
    "lr_scheduler": "there is no schedule: the learning rate is constant. ",
}


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "did you mean 'x'? " for the known name that `name` stands for or is most similar to, else ""."""
    names = list(known)
    if (meant := ALIASES.get(name)) in names:
        return f"did you mean {meant!r}? "
    if name in ABSENT and "lr" in names:
        return ABSENT[name]
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}? " if near else ""
