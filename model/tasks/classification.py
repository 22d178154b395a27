"""Scores of predicted classes."""

from collections.abc import Sequence


def accuracy(labels: Sequence[int], predicted: Sequence[int]) -> float:
    """Fraction of predictions that are right."""
    return sum(a == b for a, b in zip(labels, predicted, strict=True)) / len(labels)


def macro_f1(labels: Sequence[int], predicted: Sequence[int]) -> float:
    """Mean of the F1 scores, 0 to 1, of all classes that are true or predicted anywhere: scikit-learn's default."""
    pairs = list(zip(labels, predicted, strict=True))
    scores = []
    for c in {*labels, *predicted}:
        hits = sum(a == b == c for a, b in pairs)
        claims = sum((a == c) + (b == c) for a, b in pairs)
        scores.append(2 * hits / claims)
    return sum(scores) / len(scores)
