"""The names that other programs give to settings."""

from collections.abc import Collection

from model.suggest import did_you_mean

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


def meant(name: str, known: Collection[str]) -> str:
    """Return a hint at the setting among `known` that `name` stands for or is most similar to, or ""."""
    if (alias := ALIASES.get(name)) in known:
        return f"did you mean {alias!r}? "
    return ABSENT.get(name) or did_you_mean(name, known)
