"""Text generation: sampling, best of several samples, and beam search. See `sampling.py` and `beams.py`.

Shapes: P prompts, G texts per prompt, V vocabulary.
"""

import functools
from collections.abc import Sequence
from typing import overload

import torch
from torch import Tensor

from model.config import DecodeConfig
from model.decoding.batch import PAD, Continuation, GenerationBatch, StoppingCriteria
from model.decoding.beams import beam_search
from model.decoding.sampling import sample_token
from model.gpt2 import GPT2
from model.pretrained.tokenizer import Tokenizer
from model.rng import generator


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
    line, counted from the start of the prompt. Raise ValueError as `continuations` does.
    """
    if isinstance(prompts, str):
        return generate(model, tokenizer, [prompts], decode, seed=seed)[0]
    decode = decode or DecodeConfig()
    ids = [tokenizer.encode(prompt) for prompt in prompts]
    newlines = None if decode.max_lines is None else newline_counts(tokenizer, model.config.vocab_size)
    found = continuations(model, ids, decode, eos_id=tokenizer.eos_id, newlines=newlines, seed=seed)
    texts = [tokenizer.decode(best.ids) for best in found]
    if decode.max_lines is None:
        return texts
    return [_cut(prompt, text, decode.max_lines) for prompt, text in zip(prompts, texts, strict=True)]


@torch.no_grad()
def continuations(
    model: GPT2,
    prompts: Sequence[Sequence[int]],
    decode: DecodeConfig,
    *,
    eos_id: int,
    newlines: Tensor | None = None,
    seed: int = 0,
) -> list[Continuation]:
    """Return one continuation of each prompt, the best one if `decode` generates several.

    A row stops at end of text, at the line break that closes line `decode.max_lines` of prompt and text, after
    `decode.max_new_tokens` tokens, or when its own prompt and text fill the model's positions. `newlines` (V,) counts
    the line breaks in each token and is required with max_lines. The uniform number for token t of row b depends only
    on seed, t, b and the number of prompts. The first of several generations equals the text of a single one.
    Raise ValueError if there is no prompt, if one is empty or fills all positions, or if `newlines` is missing.
    """
    if decode.max_lines is not None and newlines is None:
        raise ValueError("max_lines needs newlines, the number of line breaks in each token")
    device = model.transformer.wte.weight.device
    if newlines is None:
        newlines = torch.zeros(model.config.vocab_size, dtype=torch.long)
    ending = StoppingCriteria(eos_id, newlines.to(device), decode.max_lines)
    rows = GenerationBatch(model, prompts, ending, decode.max_new_tokens)
    was_training = model.training
    model.eval()
    try:
        return sample(rows, decode, seed) if decode.beams is None else beam_search(rows, decode, seed)
    finally:
        model.train(was_training)


def sample(rows: GenerationBatch, decode: DecodeConfig, seed: int) -> list[Continuation]:
    """Sample `decode.generations` texts per row and return the best. `rows` must not have read its prompts."""
    logits, count = rows.read_prompts(), decode.generations or 1
    P, device = len(logits), logits.device
    generators = [generator(seed, "decode")] + [generator(seed, "decode", text) for text in range(1, count)]
    rows.repeat(count)
    logits = logits.repeat_interleave(count, dim=0)
    tokens = torch.full((len(logits), rows.room), PAD, device=device)
    log_probs = torch.zeros(len(logits), device=device)
    lengths = torch.zeros(len(logits), dtype=torch.long, device=device)
    alive = rows.lines_left > 0
    for step in range(rows.room):
        uniforms = torch.stack([torch.rand(P, generator=each) for each in generators], dim=1)  # (P, G)
        chosen = sample_token(logits, decode, uniforms.flatten().to(device))
        own = logits.float().log_softmax(1).gather(1, chosen[:, None])[:, 0]
        tokens[:, step] = chosen
        log_probs += own.masked_fill(~alive, 0.0)
        lengths += alive
        alive &= ~rows.ended_by(chosen)
        if not alive.any():
            break
        logits = rows.append(chosen)
    drawn = zip(tokens.tolist(), log_probs.tolist(), lengths.tolist(), strict=True)
    texts = [Continuation.unpadded(*each, rows.ending.eos_id) for each in drawn]
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
