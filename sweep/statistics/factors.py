"""Effects of factors on a grid: main effects and pairwise interactions, with seeds as blocks."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sweep.statistics.errors import require
from sweep.statistics.families import holm
from sweep.statistics.paired import paired_effect

Array = NDArray[np.float64]

MOST_COLUMNS = 1_000  # of a design: least squares with more take minutes and say nothing of single levels
Levels = Mapping[str, Sequence[object]]  # by factor, the level of each row


@dataclass(frozen=True, kw_only=True)
class Term:
    """One row of the table of variances. A term is one factor, or two joined by " x "."""

    name: str
    df: int
    squares: float  # sum of squares, type II, in the metric's unit squared
    share: float  # of the sum of squares of all terms, blocks and error
    omega2: float | None  # omega squared: the share that is not noise; None without an error term
    p: float | None  # of F against the error; None without an error term
    adjusted: float | None  # p after Holm over the table


@dataclass(frozen=True, kw_only=True)
class Table:
    """A type II analysis of variance."""

    terms: tuple[Term, ...]
    error_df: int
    error_square: float | None  # mean square of the error; None without degrees of freedom for it

    def without_error(self) -> "Table":
        """Return the table with shares only, as one seed allows it: without p, omega squared and words."""
        terms = (
            Term(name=t.name, df=t.df, squares=t.squares, share=t.share, omega2=None, p=None, adjusted=None)
            for t in self.terms
        )
        return Table(terms=tuple(terms), error_df=0, error_square=None)


@dataclass(frozen=True, kw_only=True)
class LevelEffect:
    """The mean of one level of a factor less that of its reference level, in the metric's unit."""

    factor: str
    level: object
    reference: object
    mean: float
    low: float
    high: float
    p: float
    adjusted: float  # p after Holm over all effects returned together


def anova(values: Sequence[float], factors: Levels, blocks: Sequence[object], interactions: bool = True) -> Table:
    """Return the type II analysis of variance of `values`, with `blocks` (seeds) as an additive block.

    The error is what blocks, main effects and pairwise interactions leave: on a full grid, mostly the interaction of
    the settings with the seed. Rows must be independent given their block: average points that share a trial first
    (`average`), or factors of training look significant in every study.

    Source: Yates (1934); type II as in Langsrud (2003). Assumes normal errors of equal variance. Needs a factor with
    two levels, and at most 1,000 contrasts; without rows left for the error, only shares are returned.
    """
    y = np.asarray(values, dtype=float)
    names = [name for name, levels in factors.items() if len(set(levels)) > 1]
    require(bool(names), "an analysis of variance needs a factor that varies")
    pairs = list(itertools.combinations(names, 2)) if interactions else []
    terms = [(name,) for name in names] + pairs
    width = sum(math.prod(len(set(factors[name])) - 1 for name in term) for term in terms)
    require(
        width <= MOST_COLUMNS,
        f"too many values for an analysis of variance: {width:,} contrasts, at most {MOST_COLUMNS:,}",
    )
    columns = {term: _columns(term, factors) for term in terms}
    block = np.hstack([np.ones((len(y), 1)), _contrasts(blocks)])
    full = _fit(y, [block, *columns.values()])
    total = _fit(y, [np.ones((len(y), 1))]).rss
    rows = []
    for term in terms:
        smaller = [columns[other] for other in terms if not set(term) < set(other) and other != term]
        without, with_it = _fit(y, [block, *smaller]), _fit(y, [block, *smaller, columns[term]])
        rows.append((" x ".join(term), without.df - with_it.df, without.rss - with_it.rss))
    rows = [row for row in rows if row[1] > 0]  # an empty cell or an alias leaves a term without freedom
    return _table(rows, full, total)


def level_effects(
    values: Sequence[float],
    factors: Levels,
    blocks: Sequence[object],
    references: Mapping[str, object],
    alpha: float = 0.05,
) -> list[LevelEffect]:
    """Return, for each factor, each level's mean less that of its reference level, as seen within the blocks.

    Each effect is averaged within a block first, and Student's t is taken over the blocks: a paired comparison,
    whatever the variances of the levels are. Needs 2 blocks; a level that misses a block uses those that it shares.
    """
    require(len(set(blocks)) >= 2, "effects of levels need 2 seeds")
    cells: dict[tuple[str, object], dict[object, list[float]]] = {}
    for place, value in enumerate(values):
        for name, levels in factors.items():
            cells.setdefault((name, levels[place]), {}).setdefault(blocks[place], []).append(value)
    found = []
    for (name, level), by_block in cells.items():
        reference = cells[name, references[name]]
        shared = [block for block in by_block if block in reference]
        if level != references[name] and len(shared) >= 2:
            d = [float(np.mean(by_block[block]) - np.mean(reference[block])) for block in shared]
            found.append((name, level, paired_effect(d, alpha)))
    adjusted = holm([float(effect.p) for *_, effect in found])
    return [
        LevelEffect(
            factor=name,
            level=level,
            reference=references[name],
            mean=float(effect.mean),
            low=float(effect.low),
            high=float(effect.high),
            p=float(effect.p),
            adjusted=float(after),
        )
        for (name, level, effect), after in zip(found, adjusted, strict=True)
    ]


def average(
    values: Sequence[float], keys: Sequence[object], factors: Levels, blocks: Sequence[object]
) -> tuple[list[float], dict[str, list[object]], list[object]]:
    """Return values, factors and blocks with the rows of equal `keys` (for example a trial) averaged into one."""
    places: dict[object, list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    means = [float(np.mean([values[place] for place in group])) for group in places.values()]
    firsts = [group[0] for group in places.values()]
    return (
        means,
        {name: [levels[place] for place in firsts] for name, levels in factors.items()},
        [blocks[place] for place in firsts],
    )


@dataclass(frozen=True)
class _Fit:
    rss: float
    df: int  # rows less the rank of the design


def _fit(y: Array, parts: Sequence[Array]) -> _Fit:
    design = np.hstack(parts)
    solution, _, rank, _ = np.linalg.lstsq(design, y, rcond=None)
    return _Fit(float(np.sum((y - design @ solution) ** 2)), len(y) - int(rank))


def _contrasts(levels: Sequence[object]) -> Array:
    """Return columns of sum-to-zero contrasts, one fewer than there are levels."""
    names = list(dict.fromkeys(levels))
    places = np.array([names.index(level) for level in levels])
    columns = np.eye(len(names))[places]
    return np.asarray(columns[:, :-1] - columns[:, -1:])


def _columns(term: Sequence[str], factors: Levels) -> Array:
    columns = _contrasts(factors[term[0]])
    for name in term[1:]:
        more = _contrasts(factors[name])
        columns = np.einsum("ri,rj->rij", columns, more).reshape(len(columns), -1)
    return columns


def _table(rows: Sequence[tuple[str, int, float]], full: _Fit, total: float) -> Table:
    has_error = full.df > 0 and full.rss > 1e-12 * max(total, 1e-300)
    error = full.rss / full.df if has_error else None
    ps = [float(special.fdtrc(df, full.df, squares / df / error)) for _, df, squares in rows] if error else []
    adjusted = holm(ps)
    terms = tuple(
        Term(
            name=name,
            df=df,
            squares=squares,
            share=squares / total if total > 0 else 0.0,
            omega2=max(0.0, (squares - df * error) / (total + error)) if error else None,
            p=ps[place] if error else None,
            adjusted=float(adjusted[place]) if error else None,
        )
        for place, (name, df, squares) in enumerate(rows)
    )
    return Table(terms=terms, error_df=full.df if has_error else 0, error_square=error)
