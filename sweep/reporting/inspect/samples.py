"""The samples of a point, example by example: which have texts, how each scored, which are best and worst."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from sweep.errors import RunError, UsageError
from sweep.reporting.inspect.shown_point import Sample, ShownPoint
from sweep.reporting.leaderboard import larger_is_better, metrics_of


def scored_samples(shown: ShownPoint) -> Sequence[Sample]:
    """Return the samples of a point. Raise RunError if it was not scored."""
    if not shown.samples:
        raise RunError(f"{shown.name} has no samples, because it was not scored; its status is {shown.row['status']}")
    return shown.samples


def sample_score(sample: Sample, metric: str) -> float | None:
    """Return the score of a sample by `metric`; None if it has none. For accuracy, it is 1 or 0."""
    if (value := sample.get(metric)) is not None:
        return float(value)
    return float(is_right(sample)) if metric == "accuracy" and "predicted" in sample else None


def is_right(sample: Sample) -> bool:
    """Return whether a classifier predicted the label of a sample."""
    return bool(sample["predicted"] == sample["label"])


def sample_metric(shown: ShownPoint) -> str:
    """Return the metric that samples are ordered by: the one of the run, or the first that single samples have.

    Raise RunError if they have none.
    """
    samples = scored_samples(shown)
    for metric in (shown.row["metric"], *metrics_of(shown.row)):
        if sample_score(samples[0], metric) is not None:
            return str(metric)
    raise RunError(f"the samples of {shown.name} have no scores of their own")


def example_scores(samples: Sequence[Sample], metric: str) -> dict[int, float]:
    """Return the score of each example by its number: the mean over its draws."""
    found: dict[int, list[float]] = {}
    for sample in samples:
        if (score := sample_score(sample, metric)) is not None:
            found.setdefault(int(sample["example"]), []).append(score)
    return {example: fmean(scores) for example, scores in found.items()}


def ordered(samples: Sequence[Sample], metric: str) -> list[Sample]:
    """Return the generated texts, the best first."""
    sign = -1 if larger_is_better(metric) else 1
    return sorted(with_text(samples), key=lambda sample: sign * (sample_score(sample, metric) or 0.0))


def wrong(samples: Sequence[Sample]) -> list[Sample]:
    """Return the samples that a classifier got wrong, those of which it was most certain first."""
    return sorted((one for one in samples if not is_right(one)), key=lambda sample: -float(sample["probability"]))


def of_example(samples: Sequence[Sample], number: int) -> list[Sample]:
    """Return the samples of one example, a text for each draw that was kept. Raise UsageError if there is none."""
    found = [sample for sample in samples if sample["example"] == number]
    kept = with_text(found) or found[:1]
    if not kept:
        numbers = sorted({int(sample["example"]) for sample in samples})
        raise UsageError(f"--prompt {number}: the examples have the numbers {numbers[0]} to {numbers[-1]}")
    return kept


def generates(samples: Sequence[Sample]) -> bool:
    """Return whether the samples are generated texts, not predicted classes."""
    return "predicted" not in samples[0]


def texts_of(sample: Sample) -> dict[str, str]:
    """Return the texts of a sample by name: what the model was given, what it wrote, the reference."""
    texts: dict[str, Any] = {name: value for name, value in sample.items() if isinstance(value, str)}
    return {name: text for name, text in texts.items() if not name.endswith("_name")}


def with_text(samples: Sequence[Sample]) -> list[Sample]:
    """Return the samples whose text was kept."""
    return [sample for sample in samples if sample.get("generated") is not None]
