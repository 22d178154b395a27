"""How often do rules for "this setting is better" lie? Synthetic studies with known truth.

Each study has a baseline, setting 0, and other settings. A rule looks at scores, spends trials, and may claim that one
setting is better than the baseline. We count false claims (the claimed setting is not better), missed effects (no true
claim though a setting is better by 2 sds or more), the coverage of the intervals, and the trials spent. One trial is
one setting with one seed. Larger scores are better; noise has an sd of 1 except where the study says otherwise.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import optuna
from numpy.typing import NDArray

from sweep.statistics.paired import paired_effect
from sweep.statistics.sequential import FIRST_LOOK, Decision, repeated_interval, settle
from sweep.statistics.verdict import Comparison, Word, judge, words

Array = NDArray[np.float64]
DRAWS = 400  # of each study
TPE_DRAWS = 100  # of each study for TPE, which is slow
TPE_TRIALS = 30
MOST_SEEDS = 14
LOST = -1e9  # marks a seed that diverged


@dataclass(frozen=True, kw_only=True)
class Study:
    """One draw of a synthetic study."""

    truth: Array  # (settings,): the mean score of each setting on fresh data
    dev: Array  # (settings,): its mean on the dev split, on which it is chosen; differs from `truth` if over-tuned
    noise: Callable[[int], Array]  # seeds -> (settings, seeds); NaN marks a diverged seed
    early: Array  # (settings,): the mean score at the rung

    def scores(self, seeds: int) -> Array:
        return self.dev[:, None] + self.noise(seeds)

    def fresh(self, chosen: int, seeds: int) -> tuple[Array, Array]:
        """Return test scores of `chosen` and of the baseline with seeds that chose nothing."""
        scores = self.truth[:, None] + self.noise(seeds)
        return scores[chosen], scores[0]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a rule says: whether `setting` is better than the baseline."""

    setting: int
    is_better: bool
    interval: tuple[float, float] | None
    trials: int


Rule = Callable[[Study, np.random.Generator], Claim]
Make = Callable[[np.random.Generator], Study]


# Studies.


def study(
    generator: np.random.Generator,
    truth: Array,
    *,
    draw: Callable[[tuple[int, ...]], Array] | None = None,
    dev: Array | None = None,
    early: Array | None = None,
) -> Study:
    draw = draw or (lambda shape: generator.normal(size=shape))
    return Study(
        truth=truth,
        dev=truth if dev is None else dev,
        noise=lambda seeds: draw((len(truth), seeds)),
        early=truth if early is None else early,
    )


def null(count: int) -> Make:
    return lambda generator: study(generator, np.zeros(count))


def main_effect(generator: np.random.Generator) -> Study:
    """A grid of 6 x 4: one value of the first factor adds 2 sds."""
    return study(generator, np.repeat([0, 0, 0, 0, 2.0, 0], 4))


def interaction(generator: np.random.Generator) -> Study:
    """A grid of 6 x 4 in which one combination alone adds 2 sds."""
    truth = np.zeros(24)
    truth[17] = 2.0
    return study(generator, truth)


def heavy_tails(generator: np.random.Generator) -> Study:
    return study(generator, np.zeros(24), draw=lambda shape: generator.standard_t(3, size=shape))


def unequal(generator: np.random.Generator) -> Study:
    sds = np.where(np.arange(24) % 2, 4.0, 1.0)[:, None]
    return study(generator, np.zeros(24), draw=lambda shape: sds * generator.normal(size=shape))


def skewed(generator: np.random.Generator) -> Study:
    """Skewed noise of unequal scale, for which no rule here holds its level."""
    sds = np.where(np.arange(24) % 2, 4.0, 1.0)[:, None]
    return study(generator, np.zeros(24), draw=lambda shape: sds * (1 - generator.exponential(size=shape)))


def correlated(share: float) -> Make:
    """One setting adds 2 sds; `share` of the noise is common to all settings of a seed."""

    def make(generator: np.random.Generator) -> Study:
        def draw(shape: tuple[int, ...]) -> Array:
            common = generator.normal(size=(1, shape[1]))
            return np.asarray(share**0.5 * common + (1 - share) ** 0.5 * generator.normal(size=shape))

        return study(generator, np.r_[np.zeros(11), 2.0], draw=draw)

    return make


def divergence(generator: np.random.Generator) -> Study:
    """Equal settings, half of which diverge in most of their bad seeds."""

    def draw(shape: tuple[int, ...]) -> Array:
        noise = generator.normal(size=shape)
        bad = (noise < -0.5) & (generator.random(shape) < 0.8) & (np.arange(shape[0]) % 2 == 1)[:, None]
        return np.where(bad, np.nan, noise)

    return study(generator, np.zeros(24), draw=draw)


def over_tuning(generator: np.random.Generator) -> Study:
    """Settings differ on the dev examples by an sd of 1, and not at all on other data."""
    return study(generator, np.zeros(24), dev=np.r_[0.0, generator.normal(size=23)])


def edge(generator: np.random.Generator) -> Study:
    """Scores rise along the axis by 2.3 sds in all, up to its end."""
    return study(generator, np.linspace(0, 2.3, 12))


def misleading_rungs(generator: np.random.Generator) -> Study:
    """The best setting, 2 sds better, is the slowest to learn."""
    truth = np.r_[np.zeros(23), 2.0]
    return study(generator, truth, early=-truth)


def decoding_only(generator: np.random.Generator) -> Study:
    """Four trainings of one kind with six decodings each: trainings are equal, one decoding adds 2 sds."""

    def draw(shape: tuple[int, ...]) -> Array:
        trials = np.repeat(generator.normal(size=(4, shape[1])), 6, axis=0)
        return np.asarray(0.8**0.5 * trials + 0.2**0.5 * generator.normal(size=shape))

    return study(generator, np.tile([0, 0, 0, 0, 0, 2.0], 4), draw=draw)


STUDIES: dict[str, Make] = {
    "null, 24 settings": null(24),
    "null, 1,020 settings": null(1020),
    "main effect": main_effect,
    "interaction": interaction,
    "heavy tails, null": heavy_tails,
    "unequal noise, null": unequal,
    "skewed unequal noise, null": skewed,
    "uncorrelated seeds": correlated(0.0),
    "correlated seeds": correlated(0.5),
    "selective divergence, null": divergence,
    "over-tuning, null": over_tuning,
    "optimum at the edge": edge,
    "misleading rungs": misleading_rungs,
    "decoding only": decoding_only,
}

# Rules: what people do, then ours.


def top_row(study: Study, generator: np.random.Generator) -> Claim:
    """Take the best of one seed each."""
    scores = _dropped(study.scores(1))
    best = int(scores.argmax())
    return Claim(setting=best, is_better=bool(scores[best] > scores[0]), interval=None, trials=len(scores))


def top_of_three(study: Study, generator: np.random.Generator) -> Claim:
    """Take the best mean of three seeds."""
    scores = _dropped(study.scores(3))
    best = int(scores.argmax())
    return Claim(setting=best, is_better=bool(scores[best] > scores[0]), interval=None, trials=3 * len(scores))


def bootstrap(study: Study, generator: np.random.Generator) -> Claim:
    """Take the best mean of three seeds, and a percentile bootstrap over the seeds against the baseline."""
    scores = study.scores(3)
    best = int(_dropped(scores).argmax())
    d = _known(scores[best] - scores[0])
    if len(d) == 0:
        return Claim(setting=best, is_better=False, interval=None, trials=3 * len(scores))
    low, high = np.quantile(generator.choice(d, size=(1_000, len(d))).mean(axis=1), (0.025, 0.975))
    return Claim(setting=best, is_better=low > 0, interval=(float(low), float(high)), trials=3 * len(scores))


def peeking(study: Study, generator: np.random.Generator) -> Claim:
    """Take the best mean of three seeds, and add seeds until a t test says p < 0.05."""
    scores = study.scores(MOST_SEEDS)
    best = int(_dropped(scores[:, :3]).argmax())
    d = scores[best] - scores[0]
    for count in range(3, MOST_SEEDS + 1):
        part = _known(d[:count])
        if len(part) >= 2:
            effect = paired_effect(part)
            if effect.p < 0.05 or count == MOST_SEEDS:
                is_better = bool(effect.p < 0.05 and effect.mean > 0)
                bounds = (float(effect.low), float(effect.high))
                return Claim(setting=best, is_better=is_better, interval=bounds, trials=_cost(scores, count))
    return Claim(setting=best, is_better=False, interval=None, trials=_cost(scores, MOST_SEEDS))


def tpe_best(study: Study, generator: np.random.Generator) -> Claim:
    """Take the best value of a search by Optuna's TPE: 30 trials of one seed over the number of the setting."""
    scores = _dropped(study.scores(1))
    sampler = optuna.samplers.TPESampler(seed=int(generator.integers(2**31)))
    search = optuna.create_study(sampler=sampler, direction="maximize")
    search.optimize(lambda trial: float(scores[trial.suggest_int("setting", 0, len(scores) - 1)]), n_trials=TPE_TRIALS)
    best = int(search.best_params["setting"])
    return Claim(setting=best, is_better=bool(scores[best] > scores[0]), interval=None, trials=TPE_TRIALS)


def early_stopping(study: Study, generator: np.random.Generator) -> Claim:
    """Keep the best third at a rung, after a third of the epochs, and take the best row at the end."""
    noise = study.noise(1)
    at_rung = _dropped(study.early[:, None] + noise)
    kept = np.argsort(-at_rung)[: max(1, len(at_rung) // 3)]
    scores = _dropped(study.dev[:, None] + noise)
    best = int(kept[scores[kept].argmax()])
    trials = round(len(scores) / 3 + len(kept) * 2 / 3)
    return Claim(setting=best, is_better=bool(scores[best] > scores[0]), interval=None, trials=trials)


def compare_all(study: Study, generator: np.random.Generator) -> Claim:
    """`sweep compare`: six seeds, every setting against the baseline, Holm over all."""
    scores = study.scores(6)
    best = int(_dropped(scores).argmax())
    trials = 6 * len(scores)
    if best == 0:
        return Claim(setting=0, is_better=False, interval=None, trials=trials)
    if np.isnan(scores).any():
        found = judge(
            [
                Comparison(name=str(place), one=tuple(row), other=tuple(scores[0]))
                for place, row in enumerate(scores[1:])
            ],
            larger_is_better=True,
        )[best - 1]
        bounds = (found.low, found.high) if found.low is not None and found.high is not None else None
        return Claim(setting=best, is_better=found.word == Word.BETTER, interval=bounds, trials=trials)
    d = scores[1:] - scores[0]
    effect = paired_effect(d[best - 1], alpha=0.05 / len(d))
    return Claim(
        setting=best,
        is_better=bool(words(d)[best - 1] == Word.BETTER),
        interval=(float(effect.low), float(effect.high)),
        trials=trials,
    )


def settle_top(study: Study, generator: np.random.Generator) -> Claim:
    """`sweep settle` with fresh seeds for the best mean of three."""
    scores = study.scores(3)
    best = int(_dropped(scores).argmax())
    later = study.scores(MOST_SEEDS)
    return _settled(best, later[best] - later[0], 3 * len(scores))


def confirm_top(study: Study, generator: np.random.Generator) -> Claim:
    """`sweep confirm`: the best mean of three seeds, then six fresh seeds on test data."""
    scores = study.scores(3)
    best = int(_dropped(scores).argmax())
    if best == 0:
        return Claim(setting=0, is_better=False, interval=None, trials=3 * len(scores))
    one, other = study.fresh(best, 6)
    (found,) = judge([Comparison(name="top", one=tuple(one), other=tuple(other))], larger_is_better=True)
    bounds = (found.low, found.high) if found.low is not None and found.high is not None else None
    trials = 3 * len(scores) + 12
    return Claim(setting=best, is_better=found.word == Word.BETTER, interval=bounds, trials=trials)


RULES: dict[str, Rule] = {
    "top row": top_row,
    "top mean of 3 seeds": top_of_three,
    "bootstrap of 3 seeds": bootstrap,
    "peeking with a t test": peeking,
    "best value of TPE": tpe_best,
    "early stopping, best row": early_stopping,
    "sweep compare": compare_all,
    "sweep settle": settle_top,
    "sweep confirm": confirm_top,
}


def _settled(best: int, differences: Array, spent: int) -> Claim:
    d = _known(differences)
    found = settle(d, MOST_SEEDS)
    bounds = repeated_interval(d[: found.pairs], MOST_SEEDS)[1:] if found.pairs >= FIRST_LOOK else None
    is_better = best != 0 and found.decision == Decision.HIGHER and not np.isnan(differences[: found.pairs]).any()
    return Claim(setting=best, is_better=is_better, interval=bounds if best else None, trials=spent + 2 * found.pairs)


def _dropped(scores: Array) -> Array:
    """Return the mean of the seeds that did not diverge; a setting without one is the worst."""
    known = ~np.isnan(scores)
    sums = np.where(known, scores, 0.0).sum(axis=1)
    return np.where(known.any(axis=1), sums / np.maximum(known.sum(axis=1), 1), LOST)


def _known(d: Array) -> Array:
    return np.asarray(d[~np.isnan(d)])


def _cost(scores: Array, seeds: int) -> int:
    return 3 * len(scores) + 2 * (seeds - 3)


# The benchmark.


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The record of one rule on one study, as shares of the draws."""

    false: float  # claims of a setting that is not better
    missed: float | None  # no true claim; None without an effect of 2 sds
    coverage: float | None  # of the intervals given; None for a rule without one
    trials: float


def outcome(make: Make, rule: Rule, draws: int, seed: int) -> Outcome:
    """Return the outcome of `rule` on `draws` draws of a study."""
    generator = np.random.default_rng(seed)
    false, missed, covered, trials = 0, 0, list[bool](), 0
    has_effect = False
    for _ in range(draws):
        drawn = make(generator)
        claim = rule(drawn, generator)
        effect = float(drawn.truth[claim.setting] - drawn.truth[0])
        has_effect = bool(drawn.truth.max() - drawn.truth[0] >= 2)
        false += claim.is_better and effect <= 0
        missed += not (claim.is_better and effect > 0)
        trials += claim.trials
        if claim.interval is not None and claim.setting != 0:
            covered.append(claim.interval[0] <= effect <= claim.interval[1])
    return Outcome(
        false=false / draws,
        missed=missed / draws if has_effect else None,
        coverage=float(np.mean(covered)) if covered else None,
        trials=trials / draws,
    )


def run(draws: int) -> dict[str, dict[str, Outcome]]:
    """Return the outcomes by study and rule."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return {
        name: {
            rule_name: outcome(make, rule, min(draws, TPE_DRAWS) if rule is tpe_best else draws, seed)
            for rule_name, rule in RULES.items()
        }
        for seed, (name, make) in enumerate(STUDIES.items())
    }


def table(found: dict[str, dict[str, Outcome]]) -> str:
    """Return the summary over studies, and false claims and missed effects by study, as Markdown."""
    return "\n".join([*_summary(found), "", *_by_study(found)])


def _summary(found: dict[str, dict[str, Outcome]]) -> Iterator[str]:
    yield "| rule | false claims | worst study | missed effects | interval covers | trials |"
    yield "|---|---|---|---|---|---|"
    for rule in RULES:
        rows = {name: by_rule[rule] for name, by_rule in found.items()}
        worst = max(rows, key=lambda name: rows[name].false)
        missed = [one.missed for one in rows.values() if one.missed is not None]
        covered = [one.coverage for one in rows.values() if one.coverage is not None]
        yield (
            f"| {rule} | {np.mean([one.false for one in rows.values()]):.0%} | {worst} ({rows[worst].false:.0%}) | "
            f"{np.mean(missed):.0%} | {f'{np.mean(covered):.0%}' if covered else 'gives none'} | "
            f"{np.median([one.trials for one in rows.values()]):.0f} |"
        )


def _by_study(found: dict[str, dict[str, Outcome]]) -> Iterator[str]:
    yield f"| false / missed | {' | '.join(RULES)} |"
    yield "|---|" + "---|" * len(RULES)
    for name, by_rule in found.items():
        cells = [
            f"{one.false:.0%}" + (f" / {one.missed:.0%}" if one.missed is not None else "") for one in by_rule.values()
        ]
        yield f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=DRAWS, help="draws of each study (default: %(default)s)")
    print(table(run(parser.parse_args().draws)))


if __name__ == "__main__":
    main()
