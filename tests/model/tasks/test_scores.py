"""Metrics compared with hand-computed values and with sacrebleu."""

import pytest
import sacrebleu

from model.tasks.scores import accuracy, corpus_chrf, macro_f1, sentence_chrf

HYPOTHESES = ["the cat sat", "a completely other line", "rose"]
REFERENCES = ["the cat sits", "one more line", "rose"]


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


def test_corpus_score_equals_sacrebleu() -> None:
    expected = sacrebleu.corpus_chrf(HYPOTHESES, [REFERENCES]).score
    assert corpus_chrf(HYPOTHESES, REFERENCES) == pytest.approx(expected)


def test_sentence_score_equals_sacrebleu() -> None:
    expected = sacrebleu.sentence_chrf(HYPOTHESES[0], [REFERENCES[0]]).score
    assert sentence_chrf(HYPOTHESES[0], REFERENCES[0]) == pytest.approx(expected)


def test_bounds() -> None:
    assert corpus_chrf(REFERENCES, REFERENCES) == pytest.approx(100)
    assert corpus_chrf(["xyz"], ["abc"]) == 0


def test_the_definition_on_paper() -> None:
    """For ab against abc: unigrams P = 2/2, R = 2/3, bigrams P = 1/1, R = 1/2; longer ones do not count here.

    Mean P = 1, mean R = 7/12; F with beta 2 = 5 P R / (4 P + R) = 5 * 7/12 / (4 + 7/12) = 35/55.
    """
    assert sentence_chrf("ab", "abc") == pytest.approx(100 * 35 / 55)


def test_the_corpus_score_is_not_the_mean_of_the_sentences() -> None:
    mean = sum(map(sentence_chrf, HYPOTHESES, REFERENCES)) / 3
    assert corpus_chrf(HYPOTHESES, REFERENCES) < mean - 5  # long texts weigh more
