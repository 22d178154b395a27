"""The decoding benchmark: both sides generate the same number of tokens."""

from typing import Any

import pytest

from benchmarks import decoding
from tests.model.folders import random_model


@pytest.fixture
def micro_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MODELS", {"micro": random_model})
    monkeypatch.setattr(decoding, "PAIRS", {"micro": 1})
    monkeypatch.setattr(decoding, "NEW", 4)


@pytest.mark.usefixtures("micro_shape")
def test_it_prints_a_row_for_each_decoding(capsys: Any) -> None:
    decoding.main()
    rows = capsys.readouterr().out.splitlines()
    assert [row[7:15].strip() for row in rows[2:]] == list(decoding.DECODINGS)
    assert all(float(row.split()[-1]) > 0 for row in rows[2:])
