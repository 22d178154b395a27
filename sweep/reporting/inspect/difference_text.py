"""Two points side by side, as text for a terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

from sweep.reporting.inspect.difference import Difference, Examples, Pair
from sweep.reporting.inspect.text import INDENT, table_lines
from sweep.reporting.leaderboard import larger_is_better
from sweep.reporting.numbers import decimals, duration, plain_text, setting_text, size
from sweep.reporting.printable import printable
from sweep.reporting.verdicts.example_lines import CAVEAT
from sweep.reporting.verdicts.sentence import p_equals, signed

COSTS = {
    "train_seconds": ("training", duration),
    "decode_seconds": ("scoring", duration),
    "trainable_params": ("trained parameters", "{:,}".format),
    "peak_memory_bytes": ("peak memory", size),
    "optimizer_state_bytes": ("optimizer state", size),
}  # column -> its name and its format


def difference_text(found: Difference) -> str:
    """Return what `sweep diff` prints."""
    sections = {
        "settings that differ": _settings(found.settings),
        "scores": _scores(found),
        "examples": _examples(found),
        "cost": _costs(found.cost),
    }
    lines = list(_heading(found))
    for title, body in sections.items():
        if body:
            lines += ["", title, *body]
    return "\n".join(lines)


def _heading(found: Difference) -> Iterator[str]:
    yield f"two points of {found.run}"
    for letter, name, point, status, rank in zip(
        "ab", found.names, found.points, found.statuses, found.ranks, strict=True
    ):
        variant = f" {printable(name)}," if name != point else ""
        yield f"{INDENT}{letter}  {point}{variant} {status}" + (f", rank {rank} by {found.metric}" if rank else "")
    if found.shared_trial:
        yield f"{INDENT}both are scored from the same trial"


def _settings(settings: Mapping[str, Pair]) -> list[str]:
    if not settings:
        return [f"{INDENT}none"]
    records = [[key, *map(_setting, pair)] for key, pair in settings.items()]
    return table_lines(["setting", "a", "b"], records, left=["setting"])


def _setting(value: Any) -> str:
    return "not set" if value is None else setting_text(value)


def _scores(found: Difference) -> list[str]:
    records = []
    for name, (one, other) in found.scores.items():
        digits = decimals(name, [value for value in (one, other) if value is not None])
        records.append([name, plain_text(one, digits), plain_text(other, digits), *_gap(name, one, other)])
    if not records:
        return []
    table = table_lines(["score", "a", "b", "b - a", "favours"], records, left=["score", "favours"])
    advice = f"{INDENT}These are single points. `sweep compare {found.run}` compares configurations over their seeds."
    return [*table, advice]


def _gap(name: str, one: Any, other: Any) -> tuple[str, str]:
    """Return the difference of two scores, and the point that it favours."""
    if one is None or other is None:
        return "", ""
    gain = (other - one) * (1 if larger_is_better(name) else -1)
    return signed(other - one), "b" if gain > 0 else "a" if gain < 0 else "neither"


def _examples(found: Difference) -> list[str]:
    if found.examples is None:
        return [f"{INDENT}not compared: {found.reason}"]
    return [f"{INDENT}{_example_line(found.examples)}", f"{INDENT}{CAVEAT}"]


def _example_line(one: Examples) -> str:
    total = one.wins + one.ties + one.losses
    return (
        f"b is better than a on {one.wins} of {total} dev examples by {one.metric}, equal on {one.ties}, worse on "
        f"{one.losses}; sign test: {p_equals(one.p)}"
    )


def _costs(cost: Mapping[str, Pair]) -> list[str]:
    records = []
    for column, (name, write) in COSTS.items():
        one, other = cost[column]
        if one is not None or other is not None:
            ratio = f"{other / one:.2f}" if one and other is not None else ""
            records.append([name, *("" if value is None else write(value) for value in (one, other)), ratio])
    return table_lines(["cost", "a", "b", "b / a"], records, left=["cost"]) if records else []
