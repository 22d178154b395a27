"""Our bf16 against our fp32, in optimizer steps and decoding. On gpt2, also our steps in both against the peer's.

All sides have the same shapes, batch, dropout, threads and machine. Our bf16 and fp32 differ only in the precision of
matrix products, activations and KV cache. The peer is transformers (LoRA: + peft), in bf16 under `torch.autocast`.
Below 1, the side named first is faster. Without bf16 instructions, a processor emulates bf16, more slowly than fp32.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch

from benchmarks import decoding, training_step
from benchmarks.measurement import PAIRS, THREADS, Measurement, Pairs, compare, ratio, rounds, skipped, summary, versus
from benchmarks.training_step import DEVICE, PEERS, ROWS, SHAPES, Step, ours, random_ids, theirs, work
from model.precision import bf16_instructions

BATCHES = {"gpt2": (8, 160), "tiny": (8, 198)}  # sequences, tokens; tiny: not those of training_step
DROPOUT = {"gpt2": 0.1, "tiny": 0.0}  # as in the base's own config
AGAINST_FP32 = {"gpt2": 0.45, "tiny": 0.72}  # targets
AGAINST_AUTOCAST = 0.85

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


def line(shape: str, lora: bool, other: str, pairs: Pairs, target: float) -> Measurement:
    """Return the line of our bf16 against `other`, from the pairs of seconds; without pairs, it is skipped."""
    title = work(shape, lora, f"bf16 against {other}")
    if not pairs:
        return skipped(ROWS[shape], title, target, "this processor has no bf16 instructions")
    sequences, tokens = BATCHES[shape]
    note = f"{versus(pairs)}; {sequences} x {tokens} tokens, dropout {DROPOUT[shape]:g}"
    return ratio(ROWS[shape], title, pairs, target, note=note)


def gpt2() -> Iterator[Measurement]:
    """Yield the lines of a step on gpt2: our fp32 against the peer's, our bf16 against our fp32 and their autocast.

    All four sides take turns, so that each line compares times of the same round.
    """
    native = bf16_instructions(DEVICE.type) is not None
    for lora in (False, True):
        sides = [step(make, "gpt2", lora, None) for make in (ours, theirs)]
        sides += [step(make, "gpt2", lora, torch.bfloat16) for make in (ours, theirs) if native]
        taken = rounds(sides, PAIRS["gpt2"], warm_up=False)  # a round takes half a minute
        yield training_step.line("gpt2", lora, [(each[0], each[1]) for each in taken])
        halves = [each for each in taken if native]
        yield line("gpt2", lora, "our fp32", [(each[2], each[0]) for each in halves], AGAINST_FP32["gpt2"])
        peer = f"{PEERS[lora]} in autocast"
        yield line("gpt2", lora, peer, [(each[2], each[3]) for each in halves], AGAINST_AUTOCAST)


def tiny() -> Iterator[Measurement]:
    """Yield our bf16 against our fp32 on tiny."""
    for lora in (False, True):
        pairs: Pairs = []
        if bf16_instructions(DEVICE.type) is not None:
            pairs = compare(*(step(ours, "tiny", lora, dtype) for dtype in (torch.bfloat16, None)), PAIRS["tiny"])
        yield line("tiny", lora, "our fp32", pairs, AGAINST_FP32["tiny"])


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
