"""Plain text for a terminal."""

import json
import math
from datetime import UTC, datetime

from sweep.reporting.inspect.text import json_text, pair_lines, sparkline, table_lines


def test_a_sparkline_spans_the_values() -> None:
    assert sparkline([7.0, 0.0, 1.0, 3.5]) == "█▁▂▅"
    assert sparkline([2.0, 2.0]) == "▁▁"
    assert sparkline([1.0, math.inf, None, 0.0]) == "█  ▁"
    assert sparkline([]) == ""


def test_a_table_is_aligned_and_harmless() -> None:
    assert table_lines(["setting", "a"], [["lr", "1e-3"], ["data", "\x1b[2J"]], left=["setting"]) == [
        "  setting        a",
        "  ────────────────",
        "  lr          1e-3",
        "  data     \\x1b[2J",
    ]


def test_pairs_are_aligned_and_harmless() -> None:
    assert pair_lines({"a": "x\u202e", "long": "y"}) == ["  a     x\\u202e", "  long  y"]
    assert pair_lines({}) == []


def test_json_has_no_infinite_numbers() -> None:
    time = datetime(2026, 1, 2, tzinfo=UTC)
    found = json.loads(json_text({"a": [math.nan, 1.5], "b": {"c": time}, "d": (True, None)}))
    assert found == {"a": [None, 1.5], "b": {"c": "2026-01-02T00:00:00+00:00"}, "d": [True, None]}
