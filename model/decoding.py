"""Drawing text from a language model: temperature, top-k and top-p over a batch with one KV cache.

Sources: top-k, Fan et al. 2018 (arXiv 1805.04833); top-p (nucleus), Holtzman et al. 2020 (arXiv 1904.09751). The
filters apply in the order temperature, top-k, top-p, each to what the one before left.

Shapes: B prompts, K candidate tokens in falling order of probability, V vocabulary.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from model.config import DecodeConfig
from model.gpt2 import GPT2, KVCache
from model.streams import stream
from model.tokenizer import Tokenizer


def candidates(logits: Tensor, decode: DecodeConfig) -> tuple[Tensor, Tensor]:
    """The tokens that may be drawn: probabilities and ids in falling order, (B, V) -> (B, K), (B, K).

    Top-p keeps a token when the tokens before it hold less than p, so the one that crosses p stays and at least one
    does: probabilities .5 .3 .2 and p = .6 have .0 .5 .8 before them, so the first two stay, as .625 and .375.
    """
    k = logits.size(1) if decode.top_k is None else min(decode.top_k, logits.size(1))
    values, ids = torch.topk(logits.float() / (decode.temperature or 1.0), k)
    probabilities = values.softmax(1)
    if decode.top_p is not None and decode.top_p < 1:
        before = probabilities.cumsum(1) - probabilities
        probabilities = probabilities * (before < decode.top_p)
        probabilities = probabilities / probabilities.sum(1, keepdim=True)
    return probabilities, ids


def draw(probabilities: Tensor, ids: Tensor, uniform: Tensor) -> Tensor:
    """The token at which the cumulative probability first exceeds `uniform` in [0, 1): (B, K), (B, K), (B,) -> (B,)."""
    cumulative = probabilities.cumsum(1)
    target = uniform[:, None] * cumulative[:, -1:]  # the total is 1 up to rounding
    rank = torch.searchsorted(cumulative, target, right=True).clamp_(max=ids.size(1) - 1)
    return ids.gather(1, rank)[:, 0]


@torch.no_grad()
def generate_ids(
    model: GPT2, prompts: Sequence[Sequence[int]], decode: DecodeConfig, *, eos_id: int, seed: int = 0
) -> list[list[int]]:
    """New token ids for each prompt, end of text excluded.

    A row stops at end of text, after `decode.max_new_tokens`, or when the model's positions are used up. Row b draws
    its t-th token with a uniform number that depends on (seed, t, b) and the number of prompts only, so decodings are
    compared on equal luck.
    Raises ValueError for no prompt, an empty prompt, or one that fills all positions.
    """
    lengths = [len(prompt) for prompt in prompts]
    if not lengths or not min(lengths):
        raise ValueError("give at least one prompt, each of at least one token")
    start, limit = max(lengths), model.config.n_positions
    if start >= limit:
        raise ValueError(f"a prompt of {start} tokens leaves no room in the model's {limit} positions")
    steps = min(decode.max_new_tokens, limit - start)
    like = model.transformer.wte.weight
    luck = stream(seed, "decode")
    tokens, mask = _left_padded(prompts, start + steps, eos_id, like.device)
    cache = KVCache(model.config, len(prompts), start + steps, like)
    was_training = model.training
    model.eval()
    alive = torch.ones(len(prompts), dtype=torch.bool, device=like.device)
    for step in range(steps):
        new = tokens[:, cache.length : start + step]
        hidden = model.hidden(new, attention_mask=mask, cache=cache)
        uniform = torch.rand(len(prompts), generator=luck).to(like.device)
        chosen = draw(*candidates(model.head(hidden[:, -1]), decode), uniform)
        tokens[:, start + step] = torch.where(alive, chosen, eos_id)
        alive &= chosen != eos_id
        if not alive.any():
            break
    model.train(was_training)
    return [_until(row, eos_id) for row in tokens[:, start:].tolist()]


def _left_padded(
    prompts: Sequence[Sequence[int]], length: int, pad: int, device: torch.device
) -> tuple[Tensor, Tensor | None]:
    """Prompts that end at one column, room for new tokens behind it; the mask is None where nothing is padded."""
    start = max(map(len, prompts))
    tokens = torch.full((len(prompts), length), pad)
    mask = torch.ones(len(prompts), length, dtype=torch.long)
    for row, prompt in enumerate(prompts):
        tokens[row, start - len(prompt) : start] = torch.tensor(prompt)
        mask[row, : start - len(prompt)] = 0
    return tokens.to(device), mask.to(device) if not mask.all() else None


def _until(ids: list[int], eos_id: int) -> list[int]:
    """`ids` before the first end of text."""
    return ids[: ids.index(eos_id)] if eos_id in ids else ids


def generate(
    model: GPT2,
    tokenizer: Tokenizer,
    prompts: Sequence[str],
    decode: DecodeConfig | None = None,
    *,
    seed: int = 0,
) -> list[str]:
    """Continuations of `prompts`, without the prompts. See `generate_ids` for when a row stops."""
    ids = [tokenizer.encode(prompt) for prompt in prompts]
    new = generate_ids(model, ids, decode or DecodeConfig(), eos_id=tokenizer.eos_id, seed=seed)
    return [tokenizer.decode(row) for row in new]
