"""Scores of generated text, through sacrebleu."""

import functools
from collections.abc import Sequence
from typing import Any


@functools.cache
def _scorer() -> Any:
    from sacrebleu.metrics import CHRF  # imported late: it takes a third of a second

    return CHRF()


def corpus_chrf(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """chrF (Popovic 2015) of all texts together, 0 to 100, with sacrebleu's defaults (n = 6, beta = 2)."""
    score: float = _scorer().corpus_score(list(hypotheses), [list(references)]).score
    return score


def sentence_chrf(hypothesis: str, reference: str) -> float:
    """chrF of one text, 0 to 100."""
    score: float = _scorer().sentence_score(hypothesis, [reference]).score
    return score
