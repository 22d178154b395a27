"""What each method adds: configurations with a method against the same ones without it, and interactions of two.

Two configurations are compared only if they decode alike and differ in no other setting. Where a method has no such
pair (SOAP usually has a learning rate of its own), the pairs with the fewest other differences are compared, and the
name of the comparison says what else differs.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from model.optim.registry import OPTIMIZERS
from sweep.reporting.numbers import setting_text
from sweep.reporting.verdicts.groups import Group
from sweep.statistics.verdict import Comparison

BASE = "no method"
MOST_DECODINGS = 8  # with more, a grid of decodings is no list of methods: `sweep effects` analyses its settings
OPTIMIZER_KEYS = ("optimizer", "weight_decay")
NOT_DECODING = ("decode.repeats", "decode.max_new_tokens")  # they change how often and how long, not how

Methods = frozenset[str]
Scores = dict[int, float]  # by seed


@dataclass(frozen=True)
class Pairs:
    """Configurations with a method, each beside the one without it, and the other settings in which they differ."""

    pairs: Sequence[tuple[Group, Group]]
    differing: tuple[str, ...]

    def scores(self, metric: str) -> tuple[Scores, Scores]:
        """Return the means over the pairs of the scores with the method and without it."""
        with_it, without = zip(*self.pairs, strict=True)
        return _means(with_it, metric), _means(without, metric)

    @property
    def remark(self) -> str:
        """Return how many pairs there are if several, and what else differs, in parentheses; else ""."""
        several = f"mean of {len(self.pairs)} pairs" if len(self.pairs) > 1 else ""
        differing = f"also differs: {', '.join(self.differing)}" if self.differing else ""
        parts = "; ".join(filter(None, [several, differing]))
        return f" ({parts})" if parts else ""


@dataclass(frozen=True)
class Ablation:
    """Comparable groups by the methods that they use."""

    groups: Sequence[Group]
    metric: str

    def additions(self) -> list[Comparison]:
        """Return the comparison of each combination of methods with the same one less one method."""
        found = []
        for methods in self._ordered:
            for method in sorted(methods):
                pairs = self._pairs(methods, method)
                if pairs is not None:
                    name = f"{_name(methods)} - {_name(methods - {method})}{pairs.remark}"
                    found.append(_compare(name, [pairs.scores(self.metric)[0]], [pairs.scores(self.metric)[1]]))
        return found

    def interactions(self) -> list[Comparison]:
        """Return, for two methods A and B on the same ground, (A + B - A) - (B - ground): zero if the gains add up."""
        found = []
        for ground, (a, b) in itertools.product(self._ordered, itertools.combinations(sorted(self._methods), 2)):
            if {a, b} & ground or _decodings({a, b}) > 1:
                continue
            upper, lower = self._pairs(ground | {a, b}, b), self._pairs(ground | {b}, b)
            if upper is not None and lower is not None and not (upper.differing or lower.differing):
                beside = f" beside {_name(ground)}" if ground else ""
                (both, one), (other, base) = upper.scores(self.metric), lower.scores(self.metric)
                found.append(_compare(f"{a} x {b}{beside}", [both, base], [one, other]))
        return found

    @cached_property
    def _members(self) -> dict[Methods, list[Group]]:
        usual = _usual_decoding(self.groups)
        counts = Counter(map(_decoding, self.groups))
        members: dict[Methods, list[Group]] = {}
        for group in self.groups:
            decoding = set() if len(counts) > MOST_DECODINGS else _decoding_name(_decoding(group), usual)
            members.setdefault(frozenset(_training(group) | decoding), []).append(group)
        return members

    @property
    def _ordered(self) -> list[Methods]:
        return sorted(self._members, key=lambda one: (len(one), sorted(one)))

    @property
    def _methods(self) -> Methods:
        return frozenset[str]().union(*self._members)

    def _pairs(self, methods: Methods, method: str) -> Pairs | None:
        """Return the pairs for one method with the fewest other differences; None if there are none."""
        if _decodings(methods) > 1:
            return None
        candidates = [
            (_difference(one, other, method), one, other)
            for one in self._members.get(methods, ())
            for other in self._members.get(methods - {method}, ())
        ]
        known = [(keys, one, other) for keys, one, other in candidates if keys is not None]
        if not known:
            return None
        least = min(len(keys) for keys, *_ in known)
        best = [(keys, one, other) for keys, one, other in known if len(keys) == least]
        differing = dict.fromkeys(key for keys, *_ in best for key in keys)
        return Pairs([(one, other) for _, one, other in best], tuple(differing))


def ablation(groups: Sequence[Group], metric: str) -> Ablation:
    """Return the comparisons of `groups`, which are comparable, by LoRA, SMART, the optimizer and the decoding."""
    return Ablation(groups, metric)


def _training(group: Group) -> set[str]:
    """Return the methods of training that a group uses."""
    optimizer = str(group.settings.get("optimizer", "adamw"))
    on = {"LoRA": "lora.rank" in group.settings, "SMART": "smart.lam" in group.settings, optimizer.upper(): True}
    return {name for name, is_on in on.items() if is_on and name != "ADAMW"}


def _decoding(group: Group) -> tuple[tuple[str, object], ...]:
    return tuple(
        (key, value)
        for key, value in sorted(group.settings.items())
        if key.startswith("decode.") and key not in NOT_DECODING
    )


def _usual_decoding(groups: Sequence[Group]) -> dict[str, object]:
    """Return the decoding that most groups share; of several, that of the plainest group."""
    counts = Counter(map(_decoding, groups))
    most = max(counts.values())
    return dict(_decoding(min(groups, key=lambda one: (counts[_decoding(one)] < most, len(_training(one))))))


def _decoding_name(decoding: Iterable[tuple[str, object]], usual: dict[str, object]) -> set[str]:
    """Return what a decoding changes of the usual one, as the name of a method; nothing for the usual one."""
    own = dict(decoding)
    changed = [key for key in {**usual, **own} if own.get(key) != usual.get(key)]
    if not changed:
        return set()
    values = [f"{key.removeprefix('decode.')}={setting_text(own[key])}" for key in sorted(changed) if key in own]
    return {" ".join(values) or f"no {', '.join(key.removeprefix('decode.') for key in changed)}"}


def _decodings(methods: Iterable[str]) -> int:
    """Return how many of the names are decodings."""
    return sum("=" in one or one.startswith("no ") for one in methods)


def _difference(one: Group, other: Group, method: str) -> tuple[str, ...] | None:
    """Return the settings, beside those of `method`, in which two groups differ; None if they decode differently."""
    keys = [
        key
        for key in dict.fromkeys((*one.settings, *other.settings))
        if one.settings.get(key) != other.settings.get(key) and not _belongs(key, method)
    ]
    return None if any(key.startswith("decode.") for key in keys) else tuple(keys)


def _belongs(key: str, method: str) -> bool:
    """Return whether a setting is part of a method, so that it may differ."""
    group = key.partition(".")[0]
    if method in ("LoRA", "SMART"):
        return group == method.lower()
    if _decodings([method]):
        return group == "decode"
    return key in OPTIMIZER_KEYS or f"{group}." in {spec.settings.prefix for spec in OPTIMIZERS.values()}


def _compare(name: str, plus: Sequence[Scores], minus: Sequence[Scores]) -> Comparison:
    seeds = sorted(set.intersection(*(set(one) for one in (*plus, *minus))))
    return Comparison(
        name=name,
        one=tuple(sum(scores[seed] for scores in plus) for seed in seeds),
        other=tuple(sum(scores[seed] for scores in minus) for seed in seeds),
    )


def _means(groups: Sequence[Group], metric: str) -> Scores:
    """Return the mean over groups for each seed that all of them have."""
    scores = [group.scores(metric) for group in groups]
    seeds = set.intersection(*(set(one) for one in scores))
    return {seed: float(np.mean([one[seed] for one in scores])) for seed in seeds}


def _name(methods: Methods) -> str:
    return " + ".join(sorted(methods, key=lambda one: (_decodings([one]), one))) or BASE
