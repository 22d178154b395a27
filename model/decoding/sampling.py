"""Sampling of tokens with temperature, top-k and top-p, from explicit uniform random numbers.

Sources: top-k, Fan et al. 2018 (arXiv 1805.04833); top-p (nucleus), Holtzman et al. 2020 (arXiv 1904.09751).
Temperature is applied first, then top-k, then top-p to the tokens that top-k kept.

Shapes: B rows, K candidate tokens in descending order of probability, N tokens sampled per row, V vocabulary.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from model.config import DecodeConfig

COLDEST = 1e-20  # a lower temperature would divide logits into infinities; at this one only the largest has any mass


def candidates(logits: Tensor, decode: DecodeConfig) -> tuple[Tensor, Tensor]:
    """Return the probabilities and ids of the candidate tokens, most probable first, (B, V) -> (B, K), (B, K)."""
    k = logits.size(1) if decode.top_k is None else min(decode.top_k, logits.size(1))
    values, ids = torch.topk(_tempered(logits, decode), k)
    return _nucleus(values, decode.top_p), ids


def sample_from(probabilities: Tensor, ids: Tensor, uniform: Tensor) -> Tensor:
    """Return the id at which the cumulative probability exceeds `uniform` in [0, 1): (B, K), (B, K), (B,) -> (B,)."""
    return ids.gather(1, _rank(probabilities, uniform))[:, 0]


def sample_token(logits: Tensor, decode: DecodeConfig, uniform: Tensor) -> Tensor:
    """Sample from the `candidates`, (B, V), (B,) -> (B,). Like `sample_from`, but faster: it sorts no token ids."""
    if decode.top_k is not None:
        return sample_from(*candidates(logits, decode), uniform)
    return sample_distinct_tokens(logits, decode, uniform[:, None])[0][:, 0]


def sample_distinct_tokens(logits: Tensor, decode: DecodeConfig, uniforms: Tensor) -> tuple[Tensor, Tensor]:
    """Sample N distinct tokens per row from the `candidates`, (B, V), (B, N) -> (B, N), (B, N).

    Each token is sampled from the remaining candidates, renormalized. This is sampling without replacement, with the
    distribution of the Gumbel-top-k trick, but needs N uniform numbers per row instead of one per candidate. The second
    result is False for tokens that could not be sampled because no candidate was left.
    """
    if decode.top_k is not None:
        probabilities, ids = candidates(logits, decode)
        ranks, there = _distinct_ranks(probabilities, uniforms)
        return ids.gather(1, ranks), there
    scaled = _tempered(logits, decode)
    if scaled.device.type != "cpu":  # `_owners` would have to wait for the GPU
        values, ids = scaled.sort(dim=1, descending=True, stable=True)
        ranks, there = _distinct_ranks(_nucleus(values, decode.top_p), uniforms)
        return ids.gather(1, ranks), there
    values = _falling(scaled)
    ranks, there = _distinct_ranks(_nucleus(values, decode.top_p), uniforms)
    return _owners(scaled, values, ranks), there


def _tempered(logits: Tensor, decode: DecodeConfig) -> Tensor:
    return logits.float() / max(decode.temperature or 1.0, COLDEST)


def _nucleus(values: Tensor, top_p: float | None) -> Tensor:
    """Return the probabilities of descending logits after top-p, (B, K) -> (B, K).

    Top-p keeps a token if the probabilities before it sum to less than p, so it keeps the token that crosses p. For
    probabilities .5 .3 .2 and p = .6, the sums before are 0 .5 .8, so the first two stay, renormalized to .625 .375.
    """
    probabilities = values.softmax(1)
    if top_p is None or top_p == 1:
        return probabilities
    kept = probabilities.cumsum(1).sub_(probabilities).lt_(top_p)  # 1 or 0
    kept[:, 0] = 1  # also if top_p is 0 in single precision
    probabilities.mul_(kept)
    return probabilities.div_(probabilities.sum(1, keepdim=True))


def _rank(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """Return the rank of the sampled candidate, (B, K), (B,) -> (B, 1). If no candidate has mass, it is the last."""
    cumulative = probabilities.cumsum(1)
    target = uniform[:, None] * cumulative[:, -1:]  # total: 1 up to rounding, less the tokens already sampled
    return torch.searchsorted(cumulative, target, right=True).clamp_(max=probabilities.size(1) - 1)


def _distinct_ranks(probabilities: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
    """Return N ranks sampled without replacement, and whether each has any mass, (B, K), (B, N) -> 2 x (B, N)."""
    ranks, there = list[Tensor](), list[Tensor]()
    for uniform in uniforms.unbind(1):
        if ranks:
            probabilities = probabilities.scatter(1, ranks[-1], 0.0)
        ranks.append(_rank(probabilities, uniform))
        there.append(probabilities.gather(1, ranks[-1]) > 0)
    return torch.cat(ranks, 1), torch.cat(there, 1)


def _falling(scaled: Tensor) -> Tensor:
    """Sort each row in descending order, (B, V) -> (B, V).

    numpy sorts the values with SIMD instructions, several times faster than torch, which also sorts indices.
    """
    return torch.from_numpy(np.sort(scaled.numpy(), axis=1)).flip(1)


def _owners(scaled: Tensor, values: Tensor, ranks: Tensor) -> Tensor:
    """Return the token ids of the values at `ranks` of the sorted rows, (B, V), (B, V), (B, N) -> (B, N)."""
    wanted = values.gather(1, ranks)
    found = [(scaled.numpy() == value).argmax(1) for value in wanted.numpy().T[:, :, None]]  # faster than torch's
    ids = torch.from_numpy(np.stack(found, axis=1))
    padded = F.pad(values, (1, 1), value=math.nan)  # column r + 1 holds rank r
    tied = ((padded.gather(1, ranks) == wanted) | (padded.gather(1, ranks + 2) == wanted)).any(1).nonzero()[:, 0]
    if len(tied):  # several tokens share a value: order them as `candidates` does
        ids[tied] = scaled[tied].topk(scaled.size(1)).indices.gather(1, ranks[tied])
    return ids
