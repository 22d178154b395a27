"""Word-count baselines: how well the words alone predict the labels of the shipped data sets.

A data set for comparing fine-tuning methods should not be solvable by these baselines.

Shapes: N examples, F features, K classes, V words.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from tools.datasets.drawing import Labelled
from tools.datasets.questions import Pair, words

Pairs = list[tuple[str, str]]


def best_threshold(values: Tensor, labels: Tensor) -> tuple[float, int]:
    """Return the threshold and direction of the most accurate rule on `values` (N,) for binary `labels` (N,).

    Values from the threshold upwards get label 1 if the direction is 1, and label 0 if it is 0.
    """
    thresholds: Tensor = values.unique()  # type: ignore[no-untyped-call]
    hits = ((values[:, None] >= thresholds) == labels[:, None].bool()).double().mean(0)  # accuracy of each threshold
    best, worst = int(hits.argmax()), int(hits.argmin())
    upward = hits[best] >= 1 - hits[worst]
    return thresholds[best if upward else worst].item(), int(upward)


def threshold_accuracy(values: Tensor, labels: Tensor, rule: tuple[float, int]) -> float:
    """Return the accuracy on `labels` (N,) of a rule from `best_threshold`."""
    threshold, above = rule
    return (((values >= threshold) == bool(above)) == labels.bool()).double().mean().item()


def overlap_features(pairs: Pairs) -> Tensor:
    """Return the Jaccard overlap, shared words, unshared words and length difference of each pair, (N, 4)."""
    rows = []
    for first, second in pairs:
        one, other = words(first), words(second)
        shared, all_words = len(one & other), len(one | other)
        rows.append((shared / all_words, shared, all_words - shared, abs(len(one) - len(other))))
    return torch.tensor(rows, dtype=torch.float64)


def shared_word_features(pairs: Pairs, vocabulary: list[str]) -> Tensor:
    """Return whether both questions, or exactly one, contain each word of `vocabulary`, (N, 2 V)."""
    sets = [(words(first), words(second)) for first, second in pairs]
    both = [[word in one and word in other for word in vocabulary] for one, other in sets]
    alone = [[(word in one) != (word in other) for word in vocabulary] for one, other in sets]
    return torch.cat((torch.tensor(both), torch.tensor(alone)), 1).double()


def word_features(texts: list[str], vocabulary: list[str]) -> Tensor:
    """Return whether each text contains each word of `vocabulary`, (N, V)."""
    sets = [words(text) for text in texts]
    return torch.tensor([[word in found for word in vocabulary] for found in sets]).double()


def vocabulary_of(texts: list[str]) -> list[str]:
    """Return all distinct words of the texts, sorted."""
    return sorted(set().union(*map(words, texts)))


class LogisticRegression:
    """Multinomial logistic regression with a weak L2 penalty."""

    def __init__(self, features: Tensor, labels: Tensor, penalty: float = 1e-4, steps: int = 100) -> None:
        """Fit to `features` (N, F) and `labels` (N,)."""
        self.weight = torch.zeros(features.size(1) + 1, int(labels.max()) + 1, dtype=torch.double, requires_grad=True)
        optimizer = torch.optim.LBFGS([self.weight], max_iter=steps, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            optimizer.zero_grad()
            out = F.cross_entropy(self.logits(features), labels) + penalty * self.weight.square().sum()
            out.backward()  # type: ignore[no-untyped-call]
            return out

        optimizer.step(loss)  # type: ignore[no-untyped-call]

    def logits(self, features: Tensor) -> Tensor:
        """Return the class logits, (N, F) -> (N, K)."""
        return features @ self.weight[:-1] + self.weight[-1]

    def accuracy(self, features: Tensor, labels: Tensor) -> float:
        """Return the accuracy on `labels` (N,)."""
        return (self.logits(features).argmax(1) == labels).double().mean().item()


def paraphrase_baselines(splits: dict[str, list[Pair]]) -> dict[str, dict[str, float]]:
    """Fit every baseline on train; return its accuracy on dev and test."""
    pairs = {split: [(pair.first, pair.second) for pair in part] for split, part in splits.items()}
    labels = {split: torch.tensor([int(pair.same) for pair in part]) for split, part in splits.items()}
    vocabulary = vocabulary_of([question for pair in pairs["train"] for question in pair])
    overlaps = {split: overlap_features(part) for split, part in pairs.items()}
    named = {split: shared_word_features(part, vocabulary) for split, part in pairs.items()}
    rule = best_threshold(overlaps["train"][:, 0], labels["train"])
    return {
        split: {
            "majority": max(labels[split].double().mean().item(), 1 - labels[split].double().mean().item()),
            "overlap threshold": threshold_accuracy(overlaps[split][:, 0], labels[split], rule),
            "overlap regression": LogisticRegression(overlaps["train"], labels["train"]).accuracy(
                overlaps[split], labels[split]
            ),
            "word regression": LogisticRegression(named["train"], labels["train"]).accuracy(
                named[split], labels[split]
            ),
        }
        for split in ("dev", "test")
    }


def sentiment_baselines(splits: dict[str, list[Labelled]]) -> dict[str, dict[str, float]]:
    """Fit every baseline on train; return its accuracy on dev and test."""
    vocabulary = vocabulary_of([text.text for text in splits["train"]])
    features = {split: word_features([text.text for text in part], vocabulary) for split, part in splits.items()}
    labels = {split: torch.tensor([text.label for text in part]) for split, part in splits.items()}
    model = LogisticRegression(features["train"], labels["train"])
    return {
        split: {
            "majority": labels[split].bincount().max().item() / len(labels[split]),
            "word regression": model.accuracy(features[split], labels[split]),
        }
        for split in ("dev", "test")
    }
