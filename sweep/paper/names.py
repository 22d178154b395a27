"""The names of settings, metrics and values as a paper prints them, and the names of macros."""

import math
import re
from collections.abc import Mapping
from typing import Any

from sweep.paper.texts import plain
from sweep.reporting.numbers import setting_text

METRICS = {
    "chrf": "chrF",
    "chrf_new": "chrF (new)",
    "macro_f1": "macro F1",
    "mcc": "MCC",
    "bleu": "BLEU",
    "rouge_l": "ROUGE-L",
}
GROUPS = {"lora": "LoRA", "smart": "SMART", "soap": "SOAP", "adamw": "AdamW", "decode": "decoding", "data": "data"}
FIELDS = {
    "lr": "learning rate",
    "smart.lam": r"$\lambda$",
    "smart.eps": r"$\varepsilon$",
    "smart.step_size": r"$\eta$",
    "smart.noise_var": r"$\sigma^2$",
    "smart.bregman_mu": r"$\mu$",
    "smart.bregman_beta": r"$\beta$",
    **{f"{name}.beta{place}": rf"$\beta_{place}$" for name in ("adamw", "soap") for place in (1, 2)},
    **{f"{name}.eps": r"$\varepsilon$" for name in ("adamw", "soap")},
    "decode.top_p": "top-$p$",
    "decode.top_k": "top-$k$",
    "decode.repeats": "draws",
    "decode.rank_by": "choice by",
    "decode.max_new_tokens": "new tokens",
}
VALUES = {"adamw": "AdamW", "soap": "SOAP"}  # of settings that name a method
DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
ITSELF = ("decode.top_p", "decode.top_k")  # fields whose name says what they belong to


def metric_name(metric: str) -> str:
    """Return the name of a score as LaTeX source."""
    if metric.startswith("test_"):
        return f"test {metric_name(metric.removeprefix('test_'))}"
    return METRICS.get(metric) or plain(metric.replace("_", " "))


def group_name(key: str) -> str:
    """Return the name of the method that a setting belongs to, as LaTeX source; "" for a plain setting."""
    group, dot, _ = key.partition(".")
    return (GROUPS.get(group) or plain(group)) if dot else ""


def field_name(key: str) -> str:
    """Return the name of a setting below the name of its method, as LaTeX source."""
    return FIELDS.get(key) or plain(key.rpartition(".")[2].replace("_", " "))


def setting_name(key: str) -> str:
    """Return the full name of a setting, as LaTeX source: LoRA rank, top-$p$."""
    group = "" if key in ITSELF or group_name(key) == "decoding" else group_name(key)
    return f"{group} {field_name(key)}".strip()


def value_text(value: Any) -> str:
    """Return a setting's value as LaTeX source: 0.05, \\num{1e-5}, SOAP; a dash for None."""
    if value is None:
        return "--"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        text = setting_text(value)
        return rf"\num{{{text}}}" if "e" in text and math.isfinite(value) else plain(text)
    return VALUES.get(str(value)) or plain(value)


def settings_phrase(settings: Mapping[str, Any]) -> str:
    """Return settings in a phrase, as LaTeX source: LoRA rank 2, LoRA scale 1."""
    return ", ".join(f"{setting_name(key)} {value_text(value)}" for key, value in settings.items() if value is not None)


def macro_word(text: str) -> str:
    """Return `text` as a part of a macro's name, letters only: LoraRank for lora_rank, RunOneTwo for run12."""
    parts = re.findall(r"[A-Za-z]+|[0-9]", text)
    return "".join(DIGITS[int(part)] if part.isdigit() else part[:1].upper() + part[1:] for part in parts)
