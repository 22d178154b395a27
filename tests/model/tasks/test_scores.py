"""Metrics compared with hand-computed values and with sacrebleu."""

import random

import numpy as np
import pytest
import sacrebleu

from model.tasks.scores import (
    accuracy,
    corpus_bleu,
    corpus_chrf,
    exact_match,
    macro_f1,
    mcc,
    rouge_l,
    sentence_chrf,
)

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


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_mcc_is_the_correlation_of_indicators(classes: int) -> None:
    """Gorodkin's definition: the covariance of the one-hot codes, over the root of both variances."""
    r = np.random.default_rng(classes)
    labels, predicted = r.integers(0, classes, 200), r.integers(0, classes, 200)
    predicted[:80] = labels[:80]
    one, other = (np.eye(classes)[each] - np.eye(classes)[each].mean(0) for each in (labels, predicted))
    expected = (one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum())
    assert mcc(labels.tolist(), predicted.tolist()) == pytest.approx(expected)
    if classes == 2:
        assert mcc(labels.tolist(), predicted.tolist()) == pytest.approx(np.corrcoef(labels, predicted)[0, 1])


def test_mcc_of_perfect_opposite_and_constant_answers() -> None:
    assert mcc([0, 1, 2, 1], [0, 1, 2, 1]) == pytest.approx(1)
    assert mcc([0, 1, 0, 1], [1, 0, 1, 0]) == pytest.approx(-1)
    assert mcc([0, 1, 1], [1, 1, 1]) == mcc([1, 1], [1, 1]) == 0


LONG = ["the cat sat on the mat and looked at me", "a wholly different line of words", "rose"]
TRUE = ["the cat sat on a mat and looked at you", "one more line of other words", "rose"]


def test_bleu_equals_sacrebleu() -> None:
    assert corpus_bleu(LONG, TRUE) == pytest.approx(sacrebleu.corpus_bleu(LONG, [TRUE]).score)
    assert 20 < corpus_bleu(LONG, TRUE) < 60
    assert corpus_bleu(TRUE, TRUE) == pytest.approx(100)


@pytest.mark.parametrize(
    ("hypothesis", "reference", "expected"),
    [  # of rouge-score 0.1.2
        ("the cat sat", "the cat sits", 66.66666666666666),
        ("a completely other line", "one more line", 28.571428571428577),
        ("It's naïve, isn't it? 42", "it is naive it is 42", 42.857142857142854),
        ("", "a", 0.0),
        ("?!", "?!", 0.0),
    ],
)
def test_rouge_l_is_that_of_rouge_score(hypothesis: str, reference: str, expected: float) -> None:
    assert rouge_l(hypothesis, reference) == pytest.approx(expected)


def test_rouge_l_equals_rouge_score_on_random_texts() -> None:
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rougeL"])
    r = random.Random(0)
    words = ["The", "cat", "sat,", "on", "a", "mat.", "naïve", "42", "it's", "\n", ""]
    for _ in range(500):
        one, other = (" ".join(r.choices(words, k=r.randrange(12))) for _ in range(2))
        assert rouge_l(one, other) == pytest.approx(100 * scorer.score(other, one)["rougeL"].fmeasure)


def test_exact_match_ignores_white_space_at_the_ends() -> None:
    assert [exact_match(text, "a b") for text in (" a b\n", "a  b", "A b")] == [1, 0, 0]
