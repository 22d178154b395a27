"""bf16 against fp32: one optimizer step, and decoding.

Both sides have the same weights, shapes, batch, dropout, threads and machine; they differ in the precision of matrix
products, activations and KV cache alone. Runs alternate, so that drifts of the machine's speed affect both alike, and
we report the median of the paired ratios with its quartiles; below 1, bf16 is faster. Processors without bf16
instructions emulate it, more slowly than they compute in fp32.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch

from benchmarks import decoding
from benchmarks.training_step import DEVICE, SHAPES, ours, wait
from model.rng import generator

BATCHES = {"tiny": (8, 198), "gpt2": (8, 160)}  # sequences, tokens
DROPOUT = {"tiny": 0.0, "gpt2": 0.1}  # the base's own
PAIRS = {"tiny": 31, "gpt2": 7}


def step(shape: str, lora: bool, dtype: torch.dtype | None) -> Callable[[], None]:
    """Return one optimizer step at `shape`, on all weights or on LoRA's."""
    rate = DROPOUT[shape]
    config = replace(SHAPES[shape], embd_pdrop=rate, attn_pdrop=rate, resid_pdrop=rate)
    ids = torch.randint(config.vocab_size, BATCHES[shape], generator=generator(0, "data")).to(DEVICE)
    return ours(config, ids, lora, dtype)


def decode(shape: str, name: str, dtype: torch.dtype | None) -> Callable[[], None]:
    """Return the decoding of 15 prompts by a model of `shape`."""
    model = decoding.MODELS[shape]()
    model.compute_in(dtype)
    return decoding.ours(model, decoding.prompts(model), decoding.DECODINGS[name][0])


def seconds(run: Callable[[], None]) -> float:
    began = time.perf_counter()
    run()
    wait()
    return time.perf_counter() - began


def compare(shape: str, make: Callable[[torch.dtype | None], Callable[[], None]]) -> str:
    """Return the median seconds of fp32 and bf16, and the median and quartiles of the paired ratios, as text."""
    exact, half = make(None), make(torch.bfloat16)
    exact()
    half()
    pairs = [(seconds(exact), seconds(half)) for _ in range(PAIRS[shape])]
    low, middle, high = statistics.quantiles([b / a for a, b in pairs], n=4)
    one, other = (statistics.median(side) for side in zip(*pairs, strict=True))
    return f"{one:8.4f} {other:8.4f} {middle:6.2f} ({low:.2f} to {high:.2f})"


def main() -> None:
    print(f"bf16 against fp32, {torch.get_num_threads()} threads, {DEVICE}")
    print(f"{'model':6} {'work':12} {'fp32 s':>8} {'bf16 s':>8} {'ratio':>6} (quartiles)")
    for shape in BATCHES:
        for lora in (True, False):
            work = "step, LoRA" if lora else "step, all"
            print(f"{shape:6} {work:12}", compare(shape, lambda dtype: step(shape, lora, dtype)), flush=True)  # noqa: B023
        for name in decoding.DECODINGS:
            print(f"{shape:6} {name:12}", compare(shape, lambda dtype: decode(shape, name, dtype)), flush=True)  # noqa: B023


if __name__ == "__main__":
    main()
