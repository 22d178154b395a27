"""The sides of a comparison: variants, values of a setting, or two selections of settings."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from model.suggest import did_you_mean
from sweep.errors import RunError
from sweep.planning.space import VERSUS
from sweep.reporting.numbers import setting_text
from sweep.reporting.verdicts.scored import Scored, ScoreTable
from sweep.statistics.verdict import Comparison

LEAST_TUNED = 6  # seeds


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side: the scores of each of its settings, by seed."""

    name: str
    cells: Mapping[tuple[tuple[str, Any], ...], Mapping[int, float]]  # setting -> seed -> score
    holds: Callable[[Scored], bool] = lambda one: False  # whether a score belongs to it

    @property
    def seeds(self) -> set[int]:
        return {seed for scores in self.cells.values() for seed in scores}

    def means(self) -> dict[int, float]:
        """Return the mean over the settings by seed; NaN if one of them was lost. Incomplete seeds are left out."""
        complete = [seed for seed in sorted(self.seeds) if all(seed in scores for scores in self.cells.values())]
        return {seed: float(np.mean([scores[seed] for scores in self.cells.values()])) for seed in complete}


def sides_of(table: ScoreTable, by: str | None) -> list[Side]:
    """Return the sides that `by` names: `variant`, `run`, a setting, or "A vs B".

    A and B are a variant, a run, or settings such as "lora.rank=8 lr=0.001". None: the variant, else the run, else the
    only setting that varies. Raise RunError if that is not clear, or a side is empty.
    """
    if by is not None and VERSUS.search(by):
        return list(two_sides(table, by))
    key = _key(table, by)
    values = sorted(dict.fromkeys(one.labels.get(key) for one in table.scored), key=_order)
    return [_side(table, f"{_text(value)}" if key in ("variant", "run") else f"{key}={_text(value)}", {key},
                  _equals(key, value)) for value in values]  # fmt: skip


def two_sides(table: ScoreTable, versus: str) -> tuple[Side, Side]:
    """Return the sides of "A vs B". Raise RunError if `versus` has another form."""
    if len(parts := VERSUS.split(versus.strip())) != 2:
        raise RunError(f'{versus!r}: name two sides, as in "lora.rank=2 vs lora.rank=64"')
    one, other = (_selected(table, part) for part in parts)
    return one, other


def pairs_of(sides: Sequence[Side], against: str | None = None) -> list[tuple[Side, Side]]:
    """Return each pair of sides, or each side with the one named `against`. Raise RunError if there is none."""
    if against is None:
        return list(itertools.combinations(sides, 2))
    names = {side.name: side for side in sides} | {side.name.partition("=")[2]: side for side in sides}
    if against not in names:
        hint = did_you_mean(against, names)
        raise RunError(f"--against {against}: is not a side; {hint}The sides: {_list([s.name for s in sides])}")
    return [(side, names[against]) for side in sides if side is not names[against]]


def comparisons(pairs: Sequence[tuple[Side, Side]]) -> list[Comparison]:
    """Return the comparison of each pair over common seeds. Settings that only one of two sides has are left out,
    unless the two have none in common: then each side is the mean of all its settings."""
    return [paired(f"{one.name} - {other.name}", *_matched(one, other)) for one, other in pairs]


def paired(name: str, one: Mapping[int, float], other: Mapping[int, float]) -> Comparison:
    """Return the comparison of two scores by seed, over their common seeds."""
    seeds = sorted(one.keys() & other.keys())
    return Comparison(name=name, one=tuple(one[seed] for seed in seeds), other=tuple(other[seed] for seed in seeds))


def tuned(sides: Sequence[Side], larger_is_better: bool) -> list[Side]:
    """Return each side with its best setting alone: chosen on the first third of the seeds, to be judged on the others.

    Choosing and judging with the same seeds calls the better-tuned side better in 12 to 19 % of studies without a
    difference; this rule in 5 %. Raise RunError with fewer than 6 common seeds.
    """
    seeds = sorted(set.intersection(*(side.seeds for side in sides)))
    if len(seeds) < LEAST_TUNED:
        raise RunError(
            f"--tuned needs {LEAST_TUNED} common seeds, not {len(seeds)}: two to choose with, the rest to judge with"
        )
    first = seeds[: len(seeds) // 3]
    return [_tuned(side, first, larger_is_better) for side in sides]


def _tuned(side: Side, choosing: Sequence[int], larger_is_better: bool) -> Side:
    def score(scores: Mapping[int, float]) -> float:
        mean = float(np.mean([scores.get(seed, math.nan) for seed in choosing]))
        return -math.inf if math.isnan(mean) else mean if larger_is_better else -mean

    best = max(side.cells, key=lambda cell: score(side.cells[cell]))
    varying = _varying(list(side.cells))
    chosen = " ".join(f"{key}={_text(value)}" for key, value in best if key in varying)
    rest = {seed: value for seed, value in side.cells[best].items() if seed not in choosing}
    return Side(name=f"{side.name} ({chosen})" if chosen else side.name, cells={(): rest})


def _matched(one: Side, other: Side) -> tuple[dict[int, float], dict[int, float]]:
    common = one.cells.keys() & other.cells.keys()
    if not common:
        return one.means(), other.means()
    return tuple(  # type: ignore[return-value]
        Side(name=side.name, cells={cell: side.cells[cell] for cell in common}).means() for side in (one, other)
    )


def _key(table: ScoreTable, by: str | None) -> str:
    varying = table.varying()
    if by is not None:
        if by not in varying:
            raise RunError(f"--by {by}: does not vary here; {did_you_mean(by, varying)}What varies: {_list(varying)}")
        return by
    for name in ("variant", "run"):
        if name in varying:
            return name
    if len(varying) != 1:
        raise RunError(f"name what to compare with --by. What varies: {_list(varying)}")
    return varying[0]


def _selected(table: ScoreTable, text: str) -> Side:
    """Return the side that `text` selects: a variant, a run, or settings."""
    for key in ("variant", "run"):
        if any(one.labels.get(key) == text for one in table.scored):
            return _side(table, text, {key}, _equals(key, text))
    wanted = dict(part.split("=", 1) for part in text.split() if "=" in part)
    if len(wanted) != len(text.split()):
        variants = dict.fromkeys(str(one.labels["variant"]) for one in table.scored if one.labels.get("variant"))
        raise RunError(
            f"--by: {text!r} is neither a variant, a run nor settings such as lora.rank=8; variants: {_list(variants)}"
        )
    side = _side(
        table, text, set(wanted), lambda one: all(_text(one.labels.get(k)) == _plain(v) for k, v in wanted.items())
    )
    if not side.cells:
        raise RunError(f"--by: no row has {text}. What varies: {_list(table.varying())}")
    return side


def _side(table: ScoreTable, name: str, own: set[str], chosen: Callable[[Scored], bool]) -> Side:
    """Return the scores that are `chosen`, by the settings other than `own`."""
    varying = [key for key in table.varying() if key not in own]
    cells: dict[tuple[tuple[str, Any], ...], dict[int, list[float]]] = {}
    for one in table.scored:
        if chosen(one):
            cell = tuple((key, one.labels.get(key)) for key in varying)
            cells.setdefault(cell, {}).setdefault(one.seed, []).append(one.score)
    return Side(
        name=name,
        cells={cell: {seed: float(np.mean(v)) for seed, v in scores.items()} for cell, scores in cells.items()},
        holds=chosen,
    )


def _order(value: Any) -> tuple[bool, float, str]:
    """Sort numbers by size, texts by name whatever their case, and None last."""
    is_number = isinstance(value, int | float)
    return value is None, float(value) if is_number else 0.0, "" if is_number else str(value).casefold()


def _equals(key: str, value: Any) -> Callable[[Scored], bool]:
    return lambda one: one.labels.get(key) == value


def _varying(cells: Sequence[tuple[tuple[str, Any], ...]]) -> set[str]:
    return {key for key, value in cells[0] if any(dict(cell).get(key) != value for cell in cells)}


def _text(value: Any) -> str:
    return setting_text(value) or "None"


def _plain(text: str) -> str:
    """Return `text` as a setting's value is written: 1e-3 and 0.001 are the same."""
    try:
        number = float(text)
    except ValueError:
        return text
    return setting_text(int(number) if number.is_integer() and "." not in text and "e" not in text else number)


def _list(names: Any) -> str:
    return ", ".join(names) or "nothing"
