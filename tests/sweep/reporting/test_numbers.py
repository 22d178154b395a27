"""Formatting of numbers."""

from datetime import UTC, datetime

import pytest

from sweep.reporting.numbers import cell_format, setting_text, short_setting


@pytest.mark.parametrize(
    ("value", "text", "short"),
    [
        (0.003, "0.003", "3e-3"),
        (1e-05, "1e-5", "1e-5"),
        (0.05, "0.05", "0.05"),
        (1.0, "1", "1"),
        (0.0, "0", "0"),
        (0.0012345678901234567, "0.001235", "0.001235"),
        (12_000, "12,000", "12,000"),
        (True, "True", "True"),
        ("soap", "soap", "soap"),
        (None, "", ""),
    ],
)
def test_settings(value: object, text: str, short: str) -> None:
    assert setting_text(value) == text
    assert short_setting(value) == short


@pytest.mark.parametrize(
    ("name", "values", "written"),
    [
        ("dev_loss", [4.58312, 6.3, None], ["4.583", "6.300", ""]),
        ("dev_loss", [4.5, 1e30, float("nan")], ["4.500", "1e+30", "nan"]),
        ("accuracy", [0.8875, 0.9], ["0.8875", "0.9000"]),
        ("train_seconds", [12.696, 1215.04], ["12.7", "1,215.0"]),
        ("trainable_params", [2304, 543360], ["2,304", "543,360"]),
        ("tokens_per_second", [12345.678], ["12,346"]),
        ("lr", [0.001, 0.00123456789], ["0.001", "0.001235"]),
        ("ended_at", [datetime(2025, 1, 2, 3, 4, 5, 678, UTC)], ["2025-01-02T03:04:05+00:00"]),
    ],
)
def test_a_column_has_one_format(name: str, values: list[object], written: list[str]) -> None:
    write = cell_format(name, values)
    assert [write(value) for value in values] == written


def test_short_cells_have_fewer_digits() -> None:
    write = cell_format("chrf", [41.0713, 38.4], short=True)
    assert [write(41.0713), write(38.4)] == ["41.07", "38.40"]
    assert cell_format("accuracy", [0.8875], short=True)(0.8875) == "0.8875"
