"""Text from a language model: sampling, the best of several samples, beam search. See `sampling.py`, `beams.py`.

Shapes: P prompts, G texts per prompt, V vocabulary.
"""

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from model.config import DecodeConfig
from model.decoding.batch import PAD, Continuation, GenerationBatch, StoppingCriteria
from model.decoding.beams import beam_search
from model.decoding.sampling import sample_token
from model.gpt2 import GPT2
from model.pretrained.tokenizer import Tokenizer
from model.rng import generator


def generate(
    model: GPT2,
    tokenizer: Tokenizer,
    prompts: Sequence[str],
    decode: DecodeConfig | None = None,
    *,
    seed: int = 0,
) -> list[str]:
    """Continuations of `prompts`, without the prompts. See `continuations` for when a row stops.

    With `decode.max_lines`, a text is cut where that line ends: its line break, and all behind it, is left out.
    """
    decode = decode or DecodeConfig()
    ids = [tokenizer.encode(prompt) for prompt in prompts]
    newlines = None if decode.max_lines is None else newline_counts(tokenizer, model.config.vocab_size)
    new = generate_ids(model, ids, decode, eos_id=tokenizer.eos_id, newlines=newlines, seed=seed)
    texts = [tokenizer.decode(row) for row in new]
    if decode.max_lines is None:
        return texts
    return [_cut(prompt, text, decode.max_lines) for prompt, text in zip(prompts, texts, strict=True)]


def generate_ids(
    model: GPT2,
    prompts: Sequence[Sequence[int]],
    decode: DecodeConfig,
    *,
    eos_id: int,
    newlines: Tensor | None = None,
    seed: int = 0,
) -> list[list[int]]:
    """New token ids for each prompt, end of text excluded. Arguments and errors as in `continuations`."""
    return [best.ids for best in continuations(model, prompts, decode, eos_id=eos_id, newlines=newlines, seed=seed)]


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
    """A continuation of each prompt, the best where `decode` makes several.

    A row stops at end of text, with the line break that ends line `decode.max_lines` of the whole text, after
    `decode.max_new_tokens`, or when the model's positions are used up. `newlines` (V,) says how many line breaks each
    token holds; max_lines needs it. Row b draws its t-th token with a uniform number that depends on (seed, t, b) and
    the number of prompts only, and the first of several texts draws what a single one would: decodings are compared
    on equal generators.
    Raises ValueError for no prompt, an empty prompt, one that fills all positions, and max_lines without `newlines`.
    """
    if decode.max_lines is not None and newlines is None:
        raise ValueError("max_lines needs newlines, the number of line breaks that each token holds")
    device = model.transformer.wte.weight.device
    if newlines is None:
        newlines = torch.zeros(model.config.vocab_size, dtype=torch.long)
    ending = StoppingCriteria(eos_id, newlines.to(device), decode.max_lines)
    rows = GenerationBatch(model, prompts, ending, decode.max_new_tokens)
    with _evaluating(model):
        return sample(rows, decode, seed) if decode.beams is None else beam_search(rows, decode, seed)


def sample(rows: GenerationBatch, decode: DecodeConfig, seed: int) -> list[Continuation]:
    """Draw `decode.generations` texts for each row and keep the best. `rows` hold prompts not read yet."""
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
        if step == rows.room - 1 or not alive.any():
            break
        logits = rows.append(chosen)
    drawn = zip(tokens.tolist(), log_probs.tolist(), lengths.tolist(), strict=True)
    texts = [Continuation.unpadded(*each, rows.ending.eos_id) for each in drawn]
    return [best_of(texts[start : start + count], decode.rank_by) for start in range(0, len(texts), count)]


def best_of(texts: Sequence[Continuation], rank_by: str | None) -> Continuation:
    """The most probable of `texts`, the first of equals."""
    return max(texts, key=lambda text: text.score(rank_by or "cumulative"))


@functools.lru_cache(maxsize=8)
def newline_counts(tokenizer: Tokenizer, vocab_size: int) -> Tensor:
    """Line breaks that each token holds, (V,). A model may have more tokens than its tokenizer; they hold none."""
    counts = [tokenizer.decode([token]).count("\n") for token in range(tokenizer.vocab_size)]
    return torch.tensor(counts + [0] * (vocab_size - len(counts)))


def _cut(prompt: str, text: str, max_lines: int) -> str:
    """`text` up to the end of line `max_lines` of prompt and text together."""
    left = max_lines - prompt.count("\n")
    return "\n".join(text.split("\n")[:left]) if left > 0 else ""


@contextmanager
def _evaluating(model: GPT2) -> Iterator[None]:
    """Evaluation mode for a while."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
