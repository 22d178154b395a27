"""Samples in the order of their scores."""

from statistics import fmean

import pytest

from sweep.errors import RunError, UsageError
from sweep.reporting.inspect.samples import (
    example_scores,
    of_example,
    ordered,
    sample_metric,
    sample_score,
    scored_samples,
    texts_of,
    wrong,
)
from sweep.reporting.inspect.samples_text import prompt_text, samples_text
from tests.sweep.reporting.inspect.points import BEST, points, with_samples


def test_scores_are_means_over_draws() -> None:
    samples = points("lora_rank", BEST)[0].samples
    scores = example_scores(samples, "chrf")
    assert sorted(scores) == list(range(15))
    assert scores[3] == pytest.approx(fmean(one["chrf"] for one in samples if one["example"] == 3))


def test_best_and_worst_texts() -> None:
    samples = points("lora_rank", BEST)[0].samples
    found = ordered(samples, "chrf")
    assert len(found) == 15  # one draw was kept
    assert [one["chrf"] for one in found] == sorted((one["chrf"] for one in found), reverse=True)
    text = samples_text(points("lora_rank", BEST)[0], 2, 200)
    assert f"example {found[0]['example']}, draw 0: chrf {found[0]['chrf']:.3f}" in text
    assert text.index("best 2 by chrf") < text.index("worst 2 by chrf")
    assert text.count("\nexample ") == 4
    assert text.rindex(f"example {found[-1]['example']},") < text.rindex(f"example {found[-2]['example']},")


def test_a_smaller_perplexity_is_better() -> None:
    samples = [{"example": 0, "generated": "a", "perplexity": 9.0}, {"example": 1, "generated": "b", "perplexity": 2.0}]
    assert [one["example"] for one in ordered(samples, "perplexity")] == [1, 0]


def test_texts_stand_beside_their_references() -> None:
    shown = points("lora_rank", BEST)[0]
    lines = prompt_text(shown, 0, 200).splitlines()
    (header,) = (line for line in lines if line.split() == ["generated", "reference"])
    first = lines[lines.index(header) + 1]
    assert first.startswith("    And learn of thine, as sble,")
    assert first.endswith("  Which proves more short than waste or ruining?")
    narrow = prompt_text(shown, 0, 60)
    assert narrow.index("  generated\n    And learn of thine") < narrow.index("  reference\n    Which proves")
    assert max(map(len, prompt_text(shown, 0, 90).splitlines()[6:])) <= 90


def test_a_classifiers_errors() -> None:
    (shown,) = points("sentiment", None)
    found = wrong(shown.samples)
    assert len(found) == 400 - round(400 * shown.row["accuracy"])
    assert [one["probability"] for one in found] == sorted((one["probability"] for one in found), reverse=True)
    text = samples_text(shown, 2, 100)
    assert text.startswith(
        "point 63f7d0185e1b of sentiment: 355 of 400 examples right\n\n2 of the 45 examples it got wrong"
    )
    assert "example 231: label 3, predicted 4 with probability 0.975, wrong\n  sentence\n    To me it seemed" in text


def test_accuracy_is_right_or_wrong() -> None:
    assert sample_score({"label": 1, "predicted": 1}, "accuracy") == 1
    assert sample_score({"label": 1, "predicted": 0}, "accuracy") == 0
    assert sample_score({"generated": "x"}, "accuracy") is None


def test_texts_without_the_names_of_classes() -> None:
    assert texts_of({"example": 1, "text": "fine", "label": 0, "label_name": "good"}) == {"text": "fine"}


def test_what_would_command_a_terminal_is_shown() -> None:
    sample = {"example": 0, "prompt": "a\x1b[31m", "generated": "b\u202e", "reference": "c\r", "chrf": 1.0}
    text = samples_text(with_samples([sample]), 1, 120)
    assert "a\\x1b[31m" in text
    assert "b\\u202e" in text
    assert "c\\r" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_wrong_numbers_and_missing_samples_are_named() -> None:
    with pytest.raises(UsageError, match="--prompt 15: the examples have the numbers 0 to 14"):
        of_example(points("lora_rank", BEST)[0].samples, 15)
    with pytest.raises(RunError, match="point c0a001e760dc of lora_rank has no samples, because it was not scored"):
        scored_samples(with_samples([]))
    with pytest.raises(RunError, match="have no scores of their own"):
        sample_metric(with_samples([{"example": 0, "generated": "x"}]))
