"""Scores against values worked out by hand."""

import pytest

from model.tasks.scores import accuracy, macro_f1


def test_accuracy_is_the_share_of_hits() -> None:
    assert accuracy([0, 1, 1, 2], [0, 1, 0, 0]) == 0.5


@pytest.mark.parametrize(
    ("labels", "predicted", "expected"),
    [
        ([0, 1], [0, 1], 1.0),
        ([0, 0, 1, 1], [0, 0, 0, 0], (2 * 2 / 6 + 0) / 2),  # class 0: precision 1/2, recall 1
        ([0, 1, 1, 2], [0, 1, 0, 0], (2 / 4 + 2 / 3 + 0) / 3),
        ([1, 1], [1, 1], 1.0),  # a class that is nowhere does not count
        ([1, 1], [1, 0], (2 / 3 + 0) / 2),  # one that is only predicted does
    ],
)
def test_macro_f1_is_the_mean_over_classes(labels: list[int], predicted: list[int], expected: float) -> None:
    assert macro_f1(labels, predicted) == pytest.approx(expected)
