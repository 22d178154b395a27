"""Beam search: extend the n most probable partial texts of each prompt, and keep the best finished one.

One step, for every prompt:

1. Each beam proposes tokens: its most probable ones (deterministic), or tokens sampled without replacement from its
   distribution after temperature and filters (stochastic).
2. The prompt's proposals are sorted by the model's own cumulative log-probability (temperature 1, no filter).
3. Proposals among the first n that end their text are finished. Their score is the cumulative log-probability, or its
   mean over their tokens, end of text included. The best finished text is kept.
4. The first n proposals that do not end are the next beams. If there are fewer, the other beams are dead (score -inf).

The search stops when no beam can beat the kept text, because further tokens never raise a cumulative log-probability.
This is `early_stopping="never"` in transformers, with length_penalty 0 (cumulative) or 1 (mean). After the last allowed
token, every text counts as finished.

Deterministic search equals `GenerationMixin._beam_search` of transformers 5.23. Stochastic search samples two tokens
per beam, so that one remains if the other ends the text (2n proposals, as in transformers' beam sampling). The first
step samples all 2n from the prompt. Unlike transformers, it ranks proposals by the model's own log-probability. A
single beam samples one token, which is plain sampling. Sampling without replacement has the distribution of the
Gumbel-top-k trick (Kool et al. 2019, arXiv 1903.06059, section 2.3); their search also ranks by the perturbed
log-probabilities.

Shapes: P prompts (each once per draw), W beams per prompt (1 in the first step, then n), N proposals per beam, M
proposals per prompt, V vocabulary.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from model.config import DecodeConfig
from model.decoding.batch import Continuation, GenerationBatch
from model.decoding.sampling import sample_distinct_tokens
from model.rng import generator

Propose = Callable[[Tensor, int], tuple[Tensor, Tensor]]  # logits (P * W, V), W -> log-probabilities, ids: (P * W, N)


class Pool(NamedTuple):
    """The proposals of each prompt, the most probable first; each field is (P, M)."""

    log_probs: Tensor  # cumulative
    rows: Tensor  # the batch row that each proposal extends
    tokens: Tensor


class Finished:
    """The best finished text of each prompt so far."""

    def __init__(self, rows: GenerationBatch, mean: bool) -> None:
        prompts, device = len(rows.tokens_left), rows.tokens_left.device
        self.longest = rows.tokens_left if mean else torch.ones(prompts, device=device)  # divisor of a sum to come
        self.mean = mean
        self.scores = torch.full((prompts,), -math.inf, device=device)
        self.log_probs = torch.zeros(prompts, device=device)
        self.lengths = torch.zeros(prompts, dtype=torch.long, device=device)
        self.ids = torch.zeros(prompts, rows.room, dtype=torch.long, device=device)

    def offer(self, pool: Pool, ended: Tensor, history: Tensor, step: int) -> None:
        """For each prompt, keep the best proposal that `ended`, (P, M), if it beats the text kept so far."""
        best, at = pool.log_probs.masked_fill(~ended, -math.inf).max(1, keepdim=True)  # (P, 1)
        rows, tokens, best = pool.rows.gather(1, at)[:, 0], pool.tokens.gather(1, at)[:, 0], best[:, 0]
        scores = best / (step + 1) if self.mean else best
        better = scores > self.scores
        ids = history[rows]
        ids[:, step] = tokens
        self.scores = torch.where(better, scores, self.scores)
        self.log_probs = torch.where(better, best, self.log_probs)
        self.lengths = torch.where(better, step + 1, self.lengths)
        self.ids = torch.where(better[:, None], ids, self.ids)

    def beaten_by(self, log_probs: Tensor) -> Tensor:
        """Return whether a beam with cumulative log-probability (P,) can still beat the kept text, (P,)."""
        return log_probs / self.longest > self.scores


def beam_search(
    rows: GenerationBatch, logits: Tensor, decode: DecodeConfig, seeds: Sequence[int]
) -> list[Continuation]:
    """Return the best continuations found by `decode.beams` beams: for each row, one for each of `seeds`.

    `rows` has read its prompts, which gave `logits`. Raise ValueError if there are more beams than tokens in the
    vocabulary.
    """
    beams = decode.beams or 1
    rows.repeat(len(seeds))
    logits = logits.repeat_interleave(len(seeds), dim=0)
    P, room, device = len(logits), rows.room, logits.device
    if beams > logits.size(1):
        raise ValueError(f"{beams} beams exceed the vocabulary of {logits.size(1)} tokens")
    propose = _most_probable(beams * (1 + rows.ending.tokens))
    if decode.draws:
        propose = _drawn(decode, _uniforms(seeds, room, P // len(seeds), beams * min(2, beams)).to(device))
    finished = Finished(rows, mean=decode.rank_by == "mean")
    finished.scores[rows.lines_left <= 0] = 0.0  # the prompt already has all lines: nothing beats the empty text
    rows.repeat(beams)
    scores = torch.zeros(P, 1, device=device)  # (P, W)
    history = torch.zeros(P * beams, room, dtype=torch.long, device=device)
    for step in range(room):
        pool = _pool(scores, *propose(logits, scores.size(1)), beams)
        ended = rows.ended_by(pool.tokens, pool.rows)
        finished.offer(Pool(*(part[:, :beams] for part in pool)), ended[:, :beams], history, step)
        scores, order = pool.log_probs.masked_fill(ended, -math.inf).topk(beams)  # (P, n)
        if not finished.beaten_by(scores[:, 0]).any():
            break
        sources, tokens = pool.rows.gather(1, order).flatten(), pool.tokens.gather(1, order).flatten()
        rows.reorder(sources, history[:, :step])
        history = history[sources]
        history[:, step] = tokens
        logits = rows.append(tokens)
    found = zip(finished.ids.tolist(), finished.log_probs.tolist(), finished.lengths.tolist(), strict=True)
    return [Continuation.unpadded(*each, rows.ending.eos_id) for each in found]


def _pool(scores: Tensor, log_probs: Tensor, tokens: Tensor, beams: int) -> Pool:
    """Return all proposals of each prompt, the best first. Those of dead beams come last, with -inf."""
    P = len(scores)
    whole, order = (scores.flatten()[:, None] + log_probs).view(P, -1).sort(dim=1, descending=True, stable=True)
    first = torch.arange(P, device=scores.device)[:, None] * beams
    return Pool(whole, first + order // log_probs.size(1), tokens.view(P, -1).gather(1, order))


def _most_probable(count: int) -> Propose:
    """Propose each beam's `count` most probable tokens; n * (1 + ending tokens) ensure n that do not end the text."""

    def propose(logits: Tensor, width: int) -> tuple[Tensor, Tensor]:
        best = logits.float().log_softmax(1).topk(min(count, logits.size(1)))
        return best.values, best.indices

    return propose


def _uniforms(seeds: Sequence[int], room: int, prompts: int, count: int) -> Tensor:
    """Return `count` uniform numbers for each token of each text, (T, P, M). Texts of a prompt are adjacent."""
    drawn = [torch.rand(room, prompts, count, generator=generator(seed, "decode")) for seed in seeds]
    return torch.stack(drawn, dim=2).flatten(1, 2)


def _drawn(decode: DecodeConfig, uniforms: Tensor) -> Propose:
    """Propose tokens sampled by `uniforms` (T, P, M) with temperature and filters; log-probabilities are the model's.

    A prompt's numbers of a step are split between its rows.
    """
    steps = iter(uniforms)

    def propose(logits: Tensor, width: int) -> tuple[Tensor, Tensor]:
        tokens, there = sample_distinct_tokens(logits, decode, next(steps).reshape(len(logits), -1))
        log_probs = logits.float().log_softmax(1).gather(1, tokens)
        return log_probs.masked_fill(~there, -math.inf), tokens

    return propose
