"""Metrics for classification, and for generated text with sacrebleu."""

import functools
from collections.abc import Sequence
from typing import Any


def accuracy(labels: Sequence[int], predicted: Sequence[int]) -> float:
    """Return the fraction of correct predictions."""
    return sum(a == b for a, b in zip(labels, predicted, strict=True)) / len(labels)


def macro_f1(labels: Sequence[int], predicted: Sequence[int]) -> float:
    """Return the mean F1 score, 0 to 1, over all classes that occur in either argument, as scikit-learn does."""
    pairs = list(zip(labels, predicted, strict=True))
    scores = []
    for c in {*labels, *predicted}:
        hits = sum(a == b == c for a, b in pairs)
        claims = sum((a == c) + (b == c) for a, b in pairs)
        scores.append(2 * hits / claims)
    return sum(scores) / len(scores)


@functools.cache
def _chrf() -> Any:
    from sacrebleu.metrics import CHRF  # imported on first use: it takes 0.3 s

    return CHRF()


def corpus_chrf(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Return corpus-level chrF (Popovic 2015), 0 to 100, with sacrebleu's defaults (n = 6, beta = 2)."""
    score: float = _chrf().corpus_score(list(hypotheses), [list(references)]).score
    return score


def sentence_chrf(hypothesis: str, reference: str) -> float:
    """Return sentence-level chrF, 0 to 100."""
    score: float = _chrf().sentence_score(hypothesis, [reference]).score
    return score
