"""Time training steps and decoding on the shape of gpt2, with large fp32 weights multiplied by oneDNN and by MKL.

A ratio below 1 means that oneDNN is faster. Both sides are the same on a GPU, and on a processor on which
`model/products.py` uses MKL anyway.
"""

from collections.abc import Iterator
from typing import Any

import torch

from benchmarks import decoding, training_step
from benchmarks.measurement import THREADS, Run, compare, summary
from model.config import DecodeConfig
from model.decoding.generate import draws
from model.gpt2 import GPT2

PAIRS = 5
NEW = 32  # new tokens per text
DECODINGS = ("top-p", "5 beams")


def with_mkl(run: Run) -> Run:
    """Return `run` with oneDNN switched off."""

    def plain() -> None:
        before = torch.backends.mkldnn.enabled
        torch.backends.mkldnn.enabled = False
        try:
            run()
        finally:
            torch.backends.mkldnn.enabled = before

    return plain


def decode(model: GPT2, settings: dict[str, Any]) -> Run:
    prompts, config = decoding.prompts(model), DecodeConfig(**settings, max_new_tokens=NEW)
    return lambda: draws(model, prompts, config, eos_id=-1)


def runs() -> Iterator[tuple[str, Run]]:
    """Yield each run with its name."""
    config = training_step.SHAPES["gpt2"]
    ids = training_step.random_ids(config)
    for lora in (False, True):
        yield f"step, {'LoRA' if lora else 'all weights'}", training_step.ours(config, ids, lora)
    model = decoding.MODELS["gpt2"]()
    for name in DECODINGS:
        yield f"decoding, {name}", decode(model, decoding.DECODINGS[name][0])


def main() -> None:
    """Print the seconds of both sides and their ratio, for each run."""
    print(f"shape of gpt2, fp32, {THREADS} thread; decoding: {len(decoding.LENGTHS)} prompts x {NEW} new tokens")
    print(f"{'run':18} {'oneDNN s':>8} {'MKL s':>9} {'ratio':>6} (quartiles)")
    for name, run in runs():
        print(f"{name:18} {summary(compare(run, with_mkl(run), PAIRS))}", flush=True)


if __name__ == "__main__":
    main()
