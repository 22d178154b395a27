"""Parsing and formatting of durations and budgets."""

import json

import pytest

from sweep.planning.config import Budget, RunLimits, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1.5m", 90), ("2h", 7200), ("1d", 86400), ("0s", 0), ("0.5s", 0.5)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "90", "s", "-1s", "1e3s", "1 h", "h1", "1h30m", "infs", "nans", ".5h", "2H", "1w"]
)
def test_invalid_durations(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(90, "90s"), (120, "2m"), (5400, "90m"), (7200, "2h"), (172800, "2d"), (0, "0s"), (0.5, "0.5s")],
)
def test_durations_are_said_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("30m", Budget(seconds=1800.0)),
        ("40trials", Budget(trials=40)),
        ("2gpuh", Budget(gpu_hours=2.0)),
        ("0.5gpuh", Budget(gpu_hours=0.5)),
        ("0trials", Budget(trials=0)),
    ],
)
def test_budgets(text: str, budget: Budget) -> None:
    assert Budget.parse(text) == budget
    assert str(budget) == text


@pytest.mark.parametrize("text", ["", "40", "1.5trials", "trials", "-2trials", "2 gpuh", "2gpu", "40trial", "1e9gpuh"])
def test_invalid_budgets(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a duration|invalid literal"):
        Budget.parse(text)


@pytest.mark.parametrize(
    "text", ["30m", "40trials", "2gpuh", "1234567s", "1000001s", "20000.1h", "12345678gpuh", "0.001gpuh", "100000.5s"]
)
def test_limits_survive_their_file(text: str) -> None:
    limits = RunLimits(budget=Budget.parse(text), trial_timeout=90.0, stall_timeout=None, keep="last")
    assert RunLimits.from_dict(json.loads(json.dumps(limits.as_dict()))) == limits
    assert RunLimits.from_dict(json.loads(json.dumps(RunLimits().as_dict()))) == RunLimits()
