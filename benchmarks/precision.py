"""Our bf16: an optimizer step against our fp32 and the peer's bf16, and decoding against our fp32.

Both sides have the same shapes, batch, dropout, threads and machine. Our bf16 and fp32 differ only in the precision of
matrix products, activations and KV cache. The peer is transformers (LoRA: + peft) under `torch.autocast`. Below 1, our
bf16 is faster. Processors without bf16 instructions emulate bf16, which is slower than fp32.
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch

from benchmarks import decoding
from benchmarks.measurement import PAIRS, THREADS, Measurement, compare, ratio, skipped, summary, versus
from benchmarks.training_step import DEVICE, PEERS, ROWS, SHAPES, Step, ours, random_ids, theirs, work
from model.precision import bf16_instructions

BATCHES = {"gpt2": (8, 160), "tiny": (8, 198)}  # sequences, tokens
DROPOUT = {"gpt2": 0.1, "tiny": 0.0}  # the base's own
AGAINST_FP32 = {"gpt2": 0.45, "tiny": 0.72}  # targets
AGAINST_AUTOCAST = {"gpt2": 0.85}

MakeStep = Callable[..., Step]  # `ours` or `theirs` of training_step


def step(make: MakeStep, shape: str, lora: bool, dtype: torch.dtype | None) -> Step:
    """Return a function that takes one optimizer step on `shape`: all weights, or LoRA's if `lora`."""
    rate = DROPOUT[shape]
    config = replace(SHAPES[shape], embd_pdrop=rate, attn_pdrop=rate, resid_pdrop=rate)
    return make(config, random_ids(config, *BATCHES[shape]), lora, dtype)


def decode(shape: str, name: str, dtype: torch.dtype | None) -> Step:
    """Return a function that decodes 15 prompts with a model of `shape`."""
    model = decoding.MODELS[shape]()
    model.compute_in(dtype)
    return decoding.ours(model, decoding.prompts(model), decoding.DECODINGS[name][0])


def line(shape: str, lora: bool, other: tuple[str, MakeStep, torch.dtype | None], target: float) -> Measurement:
    """Compare our step in bf16 with `other`, given by its name, the function that makes it and its precision."""
    name, make, dtype = other
    title = work(shape, lora, f"bf16 against {name}")
    if bf16_instructions(DEVICE.type) is None:
        return skipped(ROWS[shape], title, target, "this processor has no bf16 instructions")
    half = step(ours, shape, lora, torch.bfloat16)
    pairs = compare(half, step(make, shape, lora, dtype), PAIRS[shape])
    return ratio(ROWS[shape], title, pairs, target, note=versus(pairs))


def lines(shape: str) -> Iterator[Measurement]:
    """Yield our bf16 against our fp32 and, where there is a target, against the peer under autocast."""
    for lora in (False, True):
        yield line(shape, lora, ("our fp32", ours, None), AGAINST_FP32[shape])
    if shape in AGAINST_AUTOCAST:
        for lora in (False, True):
            peer = f"{PEERS[lora]} in autocast"
            yield line(shape, lora, (peer, theirs, torch.bfloat16), AGAINST_AUTOCAST[shape])


gpt2 = functools.partial(lines, "gpt2")
tiny = functools.partial(lines, "tiny")


def measure() -> Iterator[Measurement]:
    for shape in BATCHES:
        yield from lines(shape)


def gain(shape: str, make: Callable[[torch.dtype | None], Step]) -> str:
    """Return the median seconds of bf16 and fp32, and the median and quartiles of the paired ratios, as text."""
    return summary(compare(make(torch.bfloat16), make(None), PAIRS[shape]))


def main() -> None:
    """Print the gain of bf16 over fp32 in training and in decoding."""
    print(f"bf16 against fp32, {THREADS} thread, {DEVICE}")
    print(f"{'model':6} {'work':12} {'bf16 s':>8} {'fp32 s':>9} {'ratio':>6} (quartiles)")
    for shape in BATCHES:
        for lora in (True, False):
            title = "step, LoRA" if lora else "step, all"
            print(f"{shape:6} {title:12}", gain(shape, lambda dtype: step(ours, shape, lora, dtype)), flush=True)  # noqa: B023
        for name in decoding.DECODINGS:
            print(f"{shape:6} {name:12}", gain(shape, lambda dtype: decode(shape, name, dtype)), flush=True)  # noqa: B023


if __name__ == "__main__":
    main()
