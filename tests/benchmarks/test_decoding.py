"""The decoding benchmark: both sides generate the same number of tokens."""

from typing import Any

import pytest

from benchmarks import decoding
from tests.model.folders import random_model


@pytest.fixture(autouse=True)
def micro_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MODELS", {"tiny": random_model, "gpt2": random_model})
    monkeypatch.setattr(decoding, "NEW", 4)


def test_it_prints_a_row_for_each_decoding(capsys: Any) -> None:
    decoding.main()
    rows = capsys.readouterr().out.splitlines()
    assert [row[7:16].strip() for row in rows[2:]] == [*decoding.DECODINGS] * 2
    assert all(float(row[16:].split()[2]) > 0 for row in rows[2:])


def test_lines_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(one: Any, other: Any, pairs: int, warm_up: bool) -> list[tuple[float, float]]:
        compared.append((one.__qualname__.split(".")[0], other.__qualname__.split(".")[0], pairs, warm_up))
        return [(2.0, 1.0)] * pairs

    monkeypatch.setattr(decoding, "compare", compare)
    lines = list(decoding.measure())
    assert all(one.row == 5 and one.at_least and one.figure == 2 for one in lines)
    assert [(one.target, one.passes) for one in lines] == [(3, False), (2, True), (1.3, True), (3, False)]
    assert lines[2].work == "decoding, tiny, 15 prompts x 4 tokens: 8 repeats, `generate` against ours"
    assert lines[3].note == "2 s against 1 s; only top-p, to save time"
    assert compared == [("theirs", "ours", *each) for each in [(9, True), (9, True), (5, True), (1, False)]]
