"""Text generation: sampling, best of several samples, and beam search. See `sampling.py` and `beams.py`.

In fp32, a text does not depend on the prompts that are continued beside it. In bf16 it may: matrix products of another
size add in another order, and activations are rounded to 8 bits after them. Equal calls have equal results in both.

Shapes: P prompts, D draws of each prompt's text, G texts that a draw chooses from, V vocabulary.
"""

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, overload

import torch
from torch import Tensor

from model.config import DecodeConfig
from model.decoding.batch import PAD, Continuation, GenerationBatch, StoppingCriteria
from model.decoding.beams import beam_search
from model.decoding.sampling import sample_token
from model.gpt2 import GPT2
from model.hardware import move
from model.pretrained.tokenizer import Tokenizer
from model.rng import derive_seed, generator


@overload
def generate(  # type: ignore[overload-overlap]  # a str is also a Sequence[str]
    model: GPT2, tokenizer: Tokenizer, prompts: str, decode: DecodeConfig | None = None, *, seed: int = 0
) -> str: ...
@overload
def generate(
    model: GPT2, tokenizer: Tokenizer, prompts: Sequence[str], decode: DecodeConfig | None = None, *, seed: int = 0
) -> list[str]: ...
def generate(
    model: GPT2,
    tokenizer: Tokenizer,
    prompts: str | Sequence[str],
    decode: DecodeConfig | None = None,
    *,
    seed: int = 0,
) -> str | list[str]:
    """Return the continuation of a prompt, or a list of continuations for several prompts, without the prompts.

    All random numbers derive from `seed`. With `decode.max_lines`, a text is cut before the line break that closes that
    line, counted from the start of the prompt. With `decode.repeats`, it is the first draw; see `generate_draws`. Raise
    ValueError as `continuations` does.
    """
    if isinstance(prompts, str):
        return generate(model, tokenizer, [prompts], decode, seed=seed)[0]
    return generate_draws(model, tokenizer, prompts, replace(decode or DecodeConfig(), repeats=None), seed=seed)[0]


def generate_draws(
    model: GPT2, tokenizer: Tokenizer, prompts: Sequence[str], decode: DecodeConfig, *, seed: int = 0
) -> list[list[str]]:
    """Return `decode.repeats` independent draws of the continuations of `prompts`, without the prompts, (D, P).

    The first draw equals `generate`. Raise ValueError as `continuations` does.
    """
    ids = [tokenizer.encode(prompt) for prompt in prompts]
    newlines = None if decode.max_lines is None else newline_counts(tokenizer, model.config.vocab_size)
    found = draws(model, ids, decode, eos_id=tokenizer.eos_id, newlines=newlines, seed=seed)
    texts = [[tokenizer.decode(best.ids) for best in draw] for draw in found]
    if decode.max_lines is None:
        return texts
    return [[_cut(*pair, decode.max_lines) for pair in zip(prompts, draw, strict=True)] for draw in texts]


def continuations(
    model: GPT2, prompts: Sequence[Sequence[int]], decode: DecodeConfig, **options: Any
) -> list[Continuation]:
    """Return the first of the `draws`, with the same options."""
    return draws(model, prompts, replace(decode, repeats=None), **options)[0]


@torch.no_grad()
def draws(
    model: GPT2,
    prompts: Sequence[Sequence[int]],
    decode: DecodeConfig,
    *,
    eos_id: int,
    newlines: Tensor | None = None,
    seed: int = 0,
) -> list[list[Continuation]]:
    """Return `decode.repeats` draws of one continuation of each prompt, the best one if `decode` generates several.

    A row stops at end of text, at the line break that closes line `decode.max_lines` of prompt and text, after
    `decode.max_new_tokens` tokens, or when its own prompt and text fill the model's positions. `newlines` (V,) counts
    the line breaks in each token and is required with max_lines. The uniform number for token t of row b depends only
    on seed, t, b and the number of prompts. The first of several generations equals the text of a single one. The first
    draw is decoded by itself, so that it equals that of a single draw to the last bit; the others form one batch.
    Raise ValueError if there is no prompt, if one is empty or fills all positions, or if `newlines` is missing.
    """
    if decode.max_lines is not None and newlines is None:
        raise ValueError("max_lines needs newlines, the number of line breaks in each token")
    device = model.transformer.wte.weight.device
    if newlines is None:
        newlines = torch.zeros(model.config.vocab_size, dtype=torch.long)
    ending = StoppingCriteria(eos_id, newlines.to(device), decode.max_lines)
    rows = GenerationBatch(model, prompts, ending, decode.max_new_tokens)
    search = sample if decode.beams is None else beam_search
    further = [derive_seed(seed, "draw", number) for number in range(1, decode.repeats or 1)]
    was_training = model.training
    model.eval()
    try:
        logits = rows.read_prompts()
        first = search(rows.copy() if further else rows, logits, decode, [seed])
        others = search(rows, logits, decode, further) if further else []
    finally:
        model.train(was_training)
    return [first, *(others[place :: len(further)] for place in range(len(further)))]


def sample(rows: GenerationBatch, logits: Tensor, decode: DecodeConfig, seeds: Sequence[int]) -> list[Continuation]:
    """Return the best of `decode.generations` sampled texts: for each row, one for each of `seeds`.

    `rows` has read its prompts, which gave `logits`.
    """
    count, P, device = decode.generations or 1, len(logits), logits.device
    counters: list[tuple[int, ...]] = [(), *((text,) for text in range(1, count))]
    generators = [generator(seed, "decode", *counter) for seed in seeds for counter in counters]
    rows.repeat(len(generators))
    logits = logits.repeat_interleave(len(generators), dim=0)
    tokens = torch.full((len(logits), rows.room), PAD, device=device)
    log_probs = torch.zeros(len(logits), device=device)
    lengths = torch.zeros(len(logits), dtype=torch.long, device=device)
    alive = rows.lines_left > 0
    drawn = torch.stack([torch.rand(rows.room, P, generator=each) for each in generators], dim=2)  # (T, P, D * G)
    for step, uniforms in enumerate(move(drawn.flatten(1), device)):
        chosen = sample_token(logits, decode, uniforms)
        own = logits.float().log_softmax(1).gather(1, chosen[:, None])[:, 0]
        tokens[:, step] = chosen
        log_probs += own.masked_fill(~alive, 0.0)
        lengths += alive
        alive &= ~rows.ended_by(chosen)
        if not alive.any():
            break
        logits = rows.append(chosen)
    rated = zip(tokens.tolist(), log_probs.tolist(), lengths.tolist(), strict=True)
    texts = [Continuation.unpadded(*each, rows.ending.eos_id) for each in rated]
    return [best_of(texts[start : start + count], decode.rank_by) for start in range(0, len(texts), count)]


def best_of(texts: Sequence[Continuation], rank_by: str | None) -> Continuation:
    """Return the most probable of `texts`; the first of them on a tie."""
    return max(texts, key=lambda text: text.score(rank_by or "cumulative"))


@functools.lru_cache(maxsize=8)
def newline_counts(tokenizer: Tokenizer, vocab_size: int) -> Tensor:
    """Return the number of line breaks in each token, (V,), 0 for ids that the tokenizer does not have."""
    counts = [tokenizer.decode([token]).count("\n") for token in range(tokenizer.vocab_size)]
    return torch.tensor(counts + [0] * (vocab_size - len(counts)))


def _cut(prompt: str, text: str, max_lines: int) -> str:
    """Return `text` up to the end of line `max_lines`, counted from the start of the prompt."""
    left = max_lines - prompt.count("\n")
    return "\n".join(text.split("\n")[:left]) if left > 0 else ""
