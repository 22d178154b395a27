"""Decoding, ours against transformers' `generate` with its cache.

Both use the same weights, prompts (15 with 37 to 47 tokens, padded on the left), number of new tokens (128, without a
stop at end of text), precision (fp32), threads and machine. Runs alternate, so that drifts of the machine's speed
affect both alike, and we report the median of the paired ratios; above 1, ours is faster. Sampling uses temperature 1.2
and top-p 0.9.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
import transformers

from model.config import DecodeConfig
from model.decoding.generate import continuations
from model.gpt2 import GPT2
from model.gpt2_config import GPT2Config
from model.hardware import default_device
from model.pretrained.bases import load_base
from model.rng import generator

Decode = Callable[[], None]

DEVICE = default_device()
NEW = 128  # tokens of each text
LENGTHS = [37 + 5 * prompt % 11 for prompt in range(15)]  # tokens of each prompt
SAMPLING: dict[str, Any] = {"do_sample": True, "temperature": 1.2, "top_p": 0.9, "top_k": 0}
DECODINGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # ours, theirs
    "top-p": ({"top_p": 0.9}, SAMPLING),
    "5 beams": ({"beams": 5}, {"num_beams": 5, "do_sample": False, "length_penalty": 0.0}),
    "3 texts": ({"top_p": 0.9, "generations": 3}, {**SAMPLING, "num_return_sequences": 3}),
}
PAIRS = {"tiny": 9, "gpt2": 5}


def tiny() -> GPT2:
    return load_base("tiny").build(device=DEVICE)


def gpt2() -> GPT2:
    model = GPT2(GPT2Config())
    model.init_weights(generator(0, "init"))
    return model.to(DEVICE)


MODELS: dict[str, Callable[[], GPT2]] = {"tiny": tiny, "gpt2": gpt2}


def prompts(model: GPT2) -> list[list[int]]:
    random = generator(0, "data")
    return [torch.randint(model.config.vocab_size, (length,), generator=random).tolist() for length in LENGTHS]


def ours(model: GPT2, prompts: list[list[int]], settings: dict[str, Any]) -> Decode:
    decode = DecodeConfig(**settings, max_new_tokens=NEW)

    def run() -> None:
        new = [best.ids for best in continuations(model, prompts, decode, eos_id=-1)]
        assert all(len(row) == NEW for row in new)

    return run


def theirs(model: GPT2, prompts: list[list[int]], settings: dict[str, Any]) -> Decode:
    fields = {"activation_function": "gelu_new", "bos_token_id": model.config.eos_token_id, **asdict(model.config)}
    peer = transformers.GPT2LMHeadModel(transformers.GPT2Config(**fields)).eval().to(DEVICE)
    peer.load_state_dict(model.state_dict(), strict=False)
    peer.tie_weights()
    peer.generation_config.eos_token_id = None
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts], device=DEVICE)
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=DEVICE)

    def run() -> None:
        new = peer.generate(ids, attention_mask=mask, max_new_tokens=NEW, pad_token_id=0, **settings)
        assert new.size(1) == longest + NEW

    return run


def seconds(run: Decode) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def compare(name: str, decoding: str) -> tuple[float, float, float]:
    """Return the median tokens per second of ours and theirs, and the median of the paired ratios.

    Only tokens of returned texts count: one text per prompt, also with beams or several generations.
    """
    model = MODELS[name]()
    mine, peers = DECODINGS[decoding]
    one, other = ours(model, prompts(model), mine), theirs(model, prompts(model), peers)
    one()
    other()
    pairs = [(seconds(one), seconds(other)) for _ in range(PAIRS[name])]
    tokens = len(LENGTHS) * NEW
    fast, slow = zip(*pairs, strict=True)
    return (
        tokens / statistics.median(fast),
        tokens / statistics.median(slow),
        statistics.median(b / a for a, b in pairs),
    )


def main() -> None:
    print(f"decoding, {len(LENGTHS)} prompts x {NEW} new tokens, fp32, {torch.get_num_threads()} threads, {DEVICE}")
    print(f"{'model':6} {'decoding':8} {'ours tok/s':>11} {'theirs tok/s':>13} {'ratio':>6}")
    for name in MODELS:
        for decoding in DECODINGS:
            mine, peers, ratio = compare(name, decoding)
            print(f"{name:6} {decoding:8} {mine:11.0f} {peers:13.0f} {ratio:6.2f}", flush=True)


if __name__ == "__main__":
    main()
