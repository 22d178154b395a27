"""Decoding, ours against transformers' `generate` with its KV cache.

Both use the same weights, prompts (15, each of 37 to 47 tokens, padded on the left), number of new tokens (128, past
any end of text), precision (fp32), threads and machine. The ratio is theirs / ours: above 1, ours is faster.
Sampling uses temperature 1.2 and top-p 0.9.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import torch
import transformers

from benchmarks.measurement import THREADS, Measurement, Pairs, compare, ratio, summary, versus
from model.config import DecodeConfig
from model.decoding.generate import draws
from model.gpt2 import GPT2
from model.gpt2_config import GPT2Config
from model.hardware import default_device
from model.pretrained.bases import load_base
from model.rng import generator

Decode = Callable[[], None]

ROW = 5  # of the table of targets

DEVICE = default_device()
NEW = 128  # tokens of each text
LENGTHS = [37 + 5 * prompt % 11 for prompt in range(15)]  # tokens of each prompt
SAMPLING: dict[str, Any] = {"do_sample": True, "temperature": 1.2, "top_p": 0.9, "top_k": 0}
DECODINGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # ours, theirs
    "top-p": ({"top_p": 0.9}, SAMPLING),
    "5 beams": ({"beams": 5}, {"num_beams": 5, "do_sample": False, "length_penalty": 0.0}),
    "3 texts": ({"top_p": 0.9, "generations": 3}, {**SAMPLING, "num_return_sequences": 3}),
    "8 repeats": ({"top_p": 0.9, "repeats": 8}, {**SAMPLING, "num_return_sequences": 8}),
}
WARMED_UP = {"tiny"}  # run once untimed; with gpt2, a first run's extra work is negligible in half a minute
SPEED_UPS = {"top-p": 3.0, "5 beams": 2.0, "8 repeats": 1.3}  # targets
MEASURED = {  # pairs per decoding; those left out take many minutes on the shape of gpt2
    "tiny": {"top-p": 9, "5 beams": 9, "8 repeats": 5},
    "gpt2": {"top-p": 1},  # a pair takes a minute
}
PAIRS = 5  # per decoding that `main` prints


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
        texts = [text.ids for draw in draws(model, prompts, decode, eos_id=-1) for text in draw]
        assert [len(ids) for ids in texts] == [NEW] * len(prompts) * (decode.repeats or 1)

    return run


def theirs(model: GPT2, prompts: list[list[int]], settings: dict[str, Any]) -> Decode:
    fields = {"activation_function": "gelu_new", "bos_token_id": model.config.eos_token_id, **asdict(model.config)}
    peer: Any = transformers.GPT2LMHeadModel(transformers.GPT2Config(**fields))
    peer.eval().to(DEVICE)
    peer.load_state_dict(model.state_dict(), strict=False)
    peer.tie_weights()
    peer.generation_config.eos_token_id = None
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts], device=DEVICE)
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=DEVICE)

    def run() -> None:
        new = peer.generate(ids, attention_mask=mask, max_new_tokens=NEW, pad_token_id=0, **settings)
        assert new.shape == (len(prompts) * settings.get("num_return_sequences", 1), longest + NEW)

    return run


def timed(name: str, decoding: str, pairs: int = PAIRS) -> Pairs:
    """Return `pairs` pairs of seconds: theirs, ours."""
    model = MODELS[name]()
    mine, peers = DECODINGS[decoding]
    one, other = theirs(model, prompts(model), peers), ours(model, prompts(model), mine)
    return compare(one, other, pairs, warm_up=name in WARMED_UP)


def measure() -> Iterator[Measurement]:
    """Yield the speed-ups over `generate`."""
    for name, decodings in MEASURED.items():
        note = "" if set(decodings) >= set(SPEED_UPS) else f"; only {', '.join(decodings)}, to save time"
        for decoding, count in decodings.items():
            pairs = timed(name, decoding, count)
            work = f"decoding, {name}, {len(LENGTHS)} prompts x {NEW} tokens: {decoding}, `generate` against ours"
            yield ratio(ROW, work, pairs, SPEED_UPS[decoding], at_least=True, note=versus(pairs) + note)


def main() -> None:
    """Print the speed-up of every decoding."""
    print(f"decoding, {len(LENGTHS)} prompts x {NEW} new tokens, fp32, {THREADS} thread, {DEVICE}")
    print(f"{'model':6} {'decoding':9} {'theirs s':>8} {'ours s':>9} {'ratio':>6} (quartiles)")
    for name in MODELS:
        for decoding in DECODINGS:
            print(f"{name:6} {decoding:9} {summary(timed(name, decoding))}", flush=True)


if __name__ == "__main__":
    main()
