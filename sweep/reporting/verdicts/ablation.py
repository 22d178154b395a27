"""What each method adds: comparisons of settings that differ in one method, and interactions of two."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sweep.reporting.verdicts.groups import Group
from sweep.statistics.verdict import Comparison

BASE = "no method"


@dataclass(frozen=True)
class Ablation:
    """Scores by seed of each combination of methods, averaged over its settings."""

    scores: dict[frozenset[str], dict[int, float]]
    settings: dict[frozenset[str], int]  # how many settings each combination averages over

    def additions(self) -> list[Comparison]:
        """Return the comparison of each combination with the same one less one method."""
        found = []
        for with_it, method in ((one, method) for one in self._ordered() for method in sorted(one)):
            without = with_it - {method}
            if without in self.scores:
                found.append(self._compare(f"{_name(with_it)} - {_name(without)}", [(1, with_it)], [(1, without)]))
        return found

    def interactions(self) -> list[Comparison]:
        """Return, for two methods A and B on the same ground, (A + B - A) - (B - ground): zero if the gains add up."""
        found = []
        for ground, (a, b) in itertools.product(self._ordered(), itertools.combinations(sorted(self._methods()), 2)):
            both, one, other = ground | {a, b}, ground | {a}, ground | {b}
            if {a, b} & ground or not {both, one, other} <= self.scores.keys():
                continue
            beside = f" beside {_name(ground)}" if ground else ""
            found.append(self._compare(f"{a} x {b}{beside}", [(1, both), (1, ground)], [(1, one), (1, other)]))
        return found

    def _methods(self) -> set[str]:
        return set().union(*self.scores)

    def _ordered(self) -> list[frozenset[str]]:
        return sorted(self.scores, key=lambda one: (len(one), sorted(one)))

    def _compare(
        self, name: str, plus: Sequence[tuple[int, frozenset[str]]], minus: Sequence[tuple[int, frozenset[str]]]
    ) -> Comparison:
        used = [key for _, key in (*plus, *minus)]
        seeds = sorted(set.intersection(*(set(self.scores[key]) for key in used)))
        return Comparison(
            name=name,
            one=tuple(sum(weight * self.scores[key][seed] for weight, key in plus) for seed in seeds),
            other=tuple(sum(weight * self.scores[key][seed] for weight, key in minus) for seed in seeds),
        )


def ablation(groups: Sequence[Group], metric: str) -> Ablation:
    """Return the scores of comparable groups by the methods that they use: LoRA, SMART, SOAP, decoding."""
    members: dict[frozenset[str], list[Group]] = {}
    usual = _usual_decoding(groups)
    for group in groups:
        members.setdefault(_methods(group, usual), []).append(group)
    return Ablation(
        scores={key: _means([group.scores(metric) for group in found]) for key, found in members.items()},
        settings={key: len(found) for key, found in members.items()},
    )


def _methods(group: Group, usual: dict[str, object]) -> frozenset[str]:
    on: dict[str, Callable[[], bool]] = {
        "LoRA": lambda: "lora.rank" in group.settings,
        "SMART": lambda: "smart.lam" in group.settings,
        str(group.settings.get("optimizer", "adamw")).upper(): lambda: group.settings.get("optimizer") != "adamw",
        "decoding": lambda: _decoding(group) != usual,
    }
    return frozenset(name for name, is_on in on.items() if is_on())


def _decoding(group: Group) -> dict[str, object]:
    return {key: value for key, value in group.settings.items() if key.startswith("decode.")}


def _usual_decoding(groups: Sequence[Group]) -> dict[str, object]:
    """Return the decoding of the setting with the fewest settings of its own: the plainest one."""
    return _decoding(min(groups, key=lambda group: len(group.settings)))


def _means(scores: Sequence[dict[int, float]]) -> dict[int, float]:
    seeds = set.intersection(*(set(one) for one in scores))
    return {seed: float(np.mean([one[seed] for one in scores])) for seed in seeds} if seeds else {-1: math.nan}


def _name(methods: frozenset[str]) -> str:
    return " + ".join(sorted(methods)) or BASE
