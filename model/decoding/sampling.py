"""The distribution a token is drawn from, and the sample_from: temperature, top-k, top-p, a uniform number.

Sources: top-k, Fan et al. 2018 (arXiv 1805.04833); top-p (nucleus), Holtzman et al. 2020 (arXiv 1904.09751). The
filters apply in the order temperature, top-k, top-p, each to what the one before left.

Shapes: B rows, K candidate tokens in falling order of probability, N tokens drawn for a row, V vocabulary.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from model.config import DecodeConfig


def candidates(logits: Tensor, decode: DecodeConfig) -> tuple[Tensor, Tensor]:
    """The tokens that may be drawn: probabilities and ids in falling order, (B, V) -> (B, K), (B, K)."""
    k = logits.size(1) if decode.top_k is None else min(decode.top_k, logits.size(1))
    values, ids = torch.topk(_tempered(logits, decode), k)
    return _nucleus(values, decode.top_p), ids


def sample_from(probabilities: Tensor, ids: Tensor, uniform: Tensor) -> Tensor:
    """The token at which the cumulative probability first exceeds `uniform` in [0, 1): (B, K), (B, K), (B,) -> (B,)."""
    return ids.gather(1, _rank(probabilities, uniform))[:, 0]


def sample_token(logits: Tensor, decode: DecodeConfig, uniform: Tensor) -> Tensor:
    """Draw from the `candidates`, (B, V), (B,) -> (B,): as `sample_from` does, but sooner: it sorts no token ids."""
    if decode.top_k is not None:
        return sample_from(*candidates(logits, decode), uniform)
    return sample_distinct_tokens(logits, decode, uniform[:, None])[0][:, 0]


def sample_distinct_tokens(logits: Tensor, decode: DecodeConfig, uniforms: Tensor) -> tuple[Tensor, Tensor]:
    """N different tokens for each row, drawn one after the other: (B, V), (B, N) -> (B, N), (B, N).

    Each draw takes one of the `candidates` that earlier draws left, renormalised: sampling without replacement, the
    distribution of the Gumbel-top-k trick, with N uniform numbers for a row instead of one for each candidate. The
    second result is False where a row had no candidate left.
    """
    if decode.top_k is not None:
        probabilities, ids = candidates(logits, decode)
        ranks, there = _distinct_ranks(probabilities, uniforms)
        return ids.gather(1, ranks), there
    scaled = _tempered(logits, decode)
    values = _falling(scaled)
    ranks, there = _distinct_ranks(_nucleus(values, decode.top_p), uniforms)
    return _owners(scaled, values, ranks), there


def _tempered(logits: Tensor, decode: DecodeConfig) -> Tensor:
    return logits.float() / (decode.temperature or 1.0)


def _nucleus(values: Tensor, top_p: float | None) -> Tensor:
    """Probabilities from falling logits with top-p applied, (B, K) -> (B, K).

    Top-p keeps a token when the tokens before it hold less than p, so the one that crosses p stays and at least one
    does: probabilities .5 .3 .2 and p = .6 have .0 .5 .8 before them, so the first two stay, as .625 and .375.
    """
    probabilities = values.softmax(1)
    if top_p is None or top_p == 1:
        return probabilities
    before = probabilities.cumsum(1) - probabilities
    probabilities = probabilities * (before < top_p)
    return probabilities / probabilities.sum(1, keepdim=True)


def _rank(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """Which candidate the uniform number falls on, (B, K), (B,) -> (B, 1). Where none has mass, the last."""
    cumulative = probabilities.cumsum(1)
    target = uniform[:, None] * cumulative[:, -1:]  # the total is 1 up to rounding, or what earlier draws left
    return torch.searchsorted(cumulative, target, right=True).clamp_(max=probabilities.size(1) - 1)


def _distinct_ranks(probabilities: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
    """The candidates of N draws without replacement, and whether each had any mass: (B, K), (B, N) -> 2 x (B, N)."""
    ranks, there = list[Tensor](), list[Tensor]()
    for uniform in uniforms.unbind(1):
        if ranks:
            probabilities = probabilities.scatter(1, ranks[-1], 0.0)
        ranks.append(_rank(probabilities, uniform))
        there.append(probabilities.gather(1, ranks[-1]) > 0)
    return torch.cat(ranks, 1), torch.cat(there, 1)


def _falling(scaled: Tensor) -> Tensor:
    """Each row's values in falling order, (B, V) -> (B, V).

    On a CPU numpy sorts values alone with SIMD instructions, several times faster than torch sorts values with ids.
    """
    if scaled.device.type == "cpu":
        return torch.from_numpy(np.sort(scaled.numpy(), axis=1)).flip(1)
    return scaled.sort(dim=1, descending=True).values


def _owners(scaled: Tensor, values: Tensor, ranks: Tensor) -> Tensor:
    """Whose the values at `ranks` of the falling order are, (B, V), (B, V), (B, N) -> (B, N)."""
    wanted = values.gather(1, ranks)
    ids = torch.stack([(scaled == value[:, None]).int().argmax(1) for value in wanted.unbind(1)], dim=1)
    padded = F.pad(values, (1, 1), value=math.nan)  # column r + 1 holds rank r
    tied = ((padded.gather(1, ranks) == wanted) | (padded.gather(1, ranks + 2) == wanted)).any(1).nonzero()[:, 0]
    if len(tied):  # several tokens have that value: take them in the order that `candidates` does
        ids[tied] = scaled[tied].topk(scaled.size(1)).indices.gather(1, ranks[tied])
    return ids
