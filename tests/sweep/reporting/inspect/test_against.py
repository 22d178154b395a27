"""Two points on the same examples."""

import pytest

from sweep.errors import RunError, UsageError
from sweep.reporting.inspect.against import against_text, same_examples
from sweep.reporting.inspect.samples import example_scores, is_right, with_text
from tests.sweep.reporting.inspect.points import BEST, OTHER, points, with_samples


def test_the_prompt_with_the_largest_difference() -> None:
    one, other = points("lora_rank", BEST, OTHER)
    a, b = (example_scores(with_text(point.samples), "chrf") for point in (one, other))
    number = max(a, key=lambda example: abs(a[example] - b[example]))
    lines = against_text(one, other, None, 3).splitlines()
    assert lines[0].startswith(f"point {BEST} of lora_rank   example {number}, draw 0: chrf ")
    assert lines[1].startswith(f"point {OTHER} of lora_rank   example {number}, draw 0: chrf ")
    assert f"generated: [-only {BEST}-] {{+only {OTHER}+}}" in lines


def test_a_chosen_prompt() -> None:
    one, other = points("lora_rank", BEST, OTHER)
    text = against_text(one, other, 0, 3)
    assert "prompt\n  Were't aught to me I bore the canopy,\n" in text
    assert "  [-And learn" in text
    with pytest.raises(UsageError, match="--prompt 99: "):
        against_text(one, other, 99, 3)


def test_examples_that_only_one_classifier_got_right() -> None:
    (best,) = points("sentiment", None)
    one, other = points("sentiment", None, best.rows[1]["point_id"])
    split = sum(is_right(a) != is_right(b) for a, b in zip(one.samples, other.samples, strict=True))
    lines = against_text(one, other, None, 2).splitlines()
    assert lines[2] == f"{split} examples that only one of them got right; the first 2"
    assert sum(": label" in line for line in lines) == 4
    assert "  This film is not wretched, I must say" in against_text(one, other, 0, 2).splitlines()
    with pytest.raises(UsageError, match="--prompt 400: the points have no such example in common"):
        against_text(one, other, 400, 2)


def test_other_data_have_no_example_in_common() -> None:
    (best,) = points("sentiment", None)
    verdicts = next(row["point_id"] for row in best.rows if row["data"] == "verdicts")
    one, other = points("sentiment", None, verdicts)
    assert not same_examples(one, other)
    with pytest.raises(RunError, match="were scored on different data, so they have no example in common"):
        against_text(one, other, None, 2)


def test_examples_without_a_kept_text() -> None:
    """The task text keeps the texts of the first documents only."""
    one, other = (
        with_samples([{"example": 0, "generated": text, "chrf": 1.0}, {"example": 1, "chrf": score}])
        for text, score in (("a b", 9.0), ("a c", 1.0))
    )
    assert "  a [-b-] {+c+}" in against_text(one, other, None, 3).splitlines()
    with pytest.raises(UsageError, match="--prompt 1: its text was not kept"):
        against_text(one, other, 1, 3)
    with pytest.raises(RunError, match="have no text of the same example"):
        against_text(one, with_samples([{"example": 1, "chrf": 1.0}]), None, 3)
