"""Metrics for classification, and for generated text with sacrebleu."""

import functools
import math
import re
from collections import Counter
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


def mcc(labels: Sequence[int], predicted: Sequence[int]) -> float:
    """Return Matthews' correlation coefficient for any number of classes (Gorodkin 2004), -1 to 1.

    0 if the labels or the predictions are all of one class, as in scikit-learn.
    """
    count, hits = len(labels), sum(a == b for a, b in zip(labels, predicted, strict=True))
    true, guessed = Counter(labels), Counter(predicted)
    both = sum(true[c] * guessed[c] for c in true)
    spread = (count**2 - sum(n**2 for n in true.values())) * (count**2 - sum(n**2 for n in guessed.values()))
    return (hits * count - both) / math.sqrt(spread) if spread else 0.0


@functools.cache
def _bleu() -> Any:
    from sacrebleu.metrics import BLEU

    return BLEU()


def corpus_bleu(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Return corpus-level BLEU (Papineni et al. 2002), 0 to 100, with sacrebleu's tokenizer and smoothing."""
    score: float = _bleu().corpus_score(list(hypotheses), [list(references)]).score
    return score


def rouge_l(hypothesis: str, reference: str) -> float:
    """Return ROUGE-L (Lin 2004), 0 to 100: the F1 score of the longest common subsequence of words.

    As in the package rouge-score without a stemmer, words are runs of a-z and 0-9 in lower case.
    """
    one, other = (re.findall(r"[a-z0-9]+", text.lower()) for text in (hypothesis, reference))
    lengths = [0] * (len(other) + 1)  # of the longest common subsequence of the words so far with other[:n]
    for word in one:
        before = 0
        for place, rival in enumerate(other, start=1):
            before, lengths[place] = (
                lengths[place],
                before + 1 if word == rival else max(lengths[place - 1 : place + 1]),
            )
    return 200 * lengths[-1] / (len(one) + len(other)) if one and other else 0.0


def exact_match(hypothesis: str, reference: str) -> float:
    """Return 1 if the texts are equal but for the white space around them, else 0."""
    return float(hypothesis.strip() == reference.strip())
