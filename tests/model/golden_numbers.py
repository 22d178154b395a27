"""Golden numbers that every method, optimizer, decoding and task must keep computing.

`python -m tests.model.golden_numbers` writes them to `golden/numbers.json`, with the hash of the numeric code.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from model.precision import cpu_vendor
from model.training import train
from sweep.planning.flat import from_flat

FOLDER = Path(__file__).parent / "golden"
NUMBERS = FOLDER / "numbers.json"

POEMS = {"task": "sonnets", "data": "poems.txt", "epochs": 2, "batch_size": 2, "lr": 0.01, "decode.max_new_tokens": 8}
PAIRS = {"task": "paraphrase", "data": "pairs", "epochs": 2, "batch_size": 4, "lr": 0.003}
OPINIONS = {"task": "sentiment", "data": "opinions", "epochs": 2, "batch_size": 4, "lr": 0.003}
LORA = {"lora.rank": 4, "lora.scale": 2.0, "lora.dropout": 0.1}

CASES: dict[str, dict[str, Any]] = {
    "adamw": {**POEMS, "dropout": 0.1, "weight_decay": 0.1},
    "soap": {**POEMS, "optimizer": "soap", "batch_size": 1, "epochs": 3},
    "adamw_settings": {**POEMS, "adamw.beta1": 0.8, "adamw.beta2": 0.99, "adamw.eps": 1e-4},
    "soap_settings": {
        **POEMS,
        "optimizer": "soap",
        "batch_size": 1,
        "epochs": 3,
        "soap.beta1": 0.9,
        "soap.beta2": 0.8,
        "soap.eps": 1e-6,
        "soap.precondition_frequency": 2,
        "soap.max_precond_dim": 100,
    },
    "lora": {**POEMS, **LORA},
    "lora_soap": {**POEMS, **LORA, "optimizer": "soap", "batch_size": 1},
    "smart_library": {**POEMS, **LORA, "smart.lam": 0.01, "smart.variant": "library"},
    "smart_custom": {**POEMS, "smart.lam": 1.0, "smart.variant": "custom", "smart.eps": 0.1, "smart.steps": 2},
    "smart_paper": {
        **POEMS,
        **LORA,
        "smart.lam": 1.0,
        "smart.variant": "paper",
        "smart.eps": 0.5,
        "smart.step_size": 0.2,
    },
    "bregman": {**POEMS, "smart.bregman_mu": 0.5, "smart.bregman_beta": 0.9},
    "paraphrase": {**PAIRS, **LORA},
    "paraphrase_smart": {**PAIRS, "smart.lam": 1.0, "smart.variant": "custom", "smart.eps": 0.1},
    "sentiment": {**OPINIONS, "dropout": 0.1},
    "sentiment_frozen": {**OPINIONS, "freeze": "base", "lr": 0.05},
    "classification": {**OPINIONS, "task": "classification", "data.split_seed": 1},
    "pairs": {**PAIRS, **LORA, "task": "pairs"},
    "pairs_in_words": {**PAIRS, "task": "pairs", "data.answers": "no,yes"},
    "completion": {**POEMS, "task": "completion", "data": "prompts.jsonl", "data.split": "dev=0.2,test=0.1"},
    "text": {**POEMS, "task": "text", "data": "prompts.jsonl", "data.text": "completion", "data.split": "dev=0.2"},
    "top_p": {**POEMS, **LORA, "decode.top_p": 0.6, "decode.temperature": 0.9},
    "top_k": {**POEMS, **LORA, "decode.top_k": 5},
    "greedy": {**POEMS, **LORA, "decode.top_k": 1},
    "beams": {**POEMS, **LORA, "decode.beams": 3},
    "drawn_beams": {**POEMS, **LORA, "decode.beams": 3, "decode.top_p": 0.9, "decode.rank_by": "mean"},
    "drawn_beams_top_k": {**POEMS, **LORA, "decode.beams": 2, "decode.top_k": 20},
    "generations": {**POEMS, **LORA, "decode.generations": 3, "decode.top_p": 0.8},
    "repeats": {**POEMS, **LORA, "decode.repeats": 3, "decode.top_p": 0.8},
    "repeated_beams": {**POEMS, **LORA, "decode.repeats": 2, "decode.beams": 2, "decode.top_k": 20},
    "max_lines": {**POEMS, **LORA, "decode.max_lines": 4, "decode.max_new_tokens": 30},
}


def numbers(case: str) -> dict[str, Any]:
    """What `case` computes: losses of every epoch, then scores and texts of the trained model."""
    settings = dict(CASES[case])
    settings["data"] = str(FOLDER / settings["data"])
    config, decode = from_flat(settings)
    reports = list(train(config, device=torch.device("cpu")))
    evaluation = reports[-1].training.evaluate(decode)
    return {
        "losses": [[report.train_loss, report.dev_loss] for report in reports],
        "metrics": dict(evaluation.metrics),
        "texts": [sample["generated"] for sample in evaluation.samples if "generated" in sample],
        "probabilities": [sample["probability"] for sample in evaluation.samples if "probability" in sample],
    }


def processor() -> str:
    """The maker and the vector instructions of this processor, by which torch's libraries choose their kernels."""
    return f"{cpu_vendor() or 'unknown'} {torch.backends.cpu.get_cpu_capability()}"


def all_numbers() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every case with what it computes, on one thread."""
    torch.set_num_threads(1)
    for case in CASES:
        yield case, numbers(case)


if __name__ == "__main__":
    from sweep.planning.numerics import numerics_sha256

    content = {
        "numerics_sha256": numerics_sha256(),
        "processor": processor(),
        "cases": dict(all_numbers()),
    }
    NUMBERS.write_text(json.dumps(content, indent=1) + "\n")
