"""Health checks of trials: their losses, rungs and examples."""

from collections.abc import Mapping, Sequence

import numpy as np

from sweep.reporting.leaderboard import Row
from sweep.reporting.verdicts.check import LEAST_PAIRS, Check, Level, agreement_of
from sweep.reporting.verdicts.groups import LOST

STILL_FALLING = 0.05  # share of the whole improvement that the last epoch brings
OVERFITTED = 0.10  # share of the whole improvement that is lost again after the best epoch
MANY_LOST = 0.2  # share of rows that diverged or failed
FEW_EXAMPLES = 50
VERY_FEW_EXAMPLES = 10
FORETELL = 0.3  # Kendall's tau below which a rung does not foretell the end


def lost(rows: Sequence[Row]) -> Check:
    count = sum(row["status"] in LOST for row in rows)
    if not count:
        return Check("no trial diverged or failed", Level.OK)
    share = count / len(rows)
    level = Level.PROBLEM if share > MANY_LOST else Level.NOTE
    return Check(
        "diverged",
        level,
        f"{count} of {len(rows)} rows diverged or failed ({share:.0%}), so the others are a selection: lower the "
        "learning rate, or remove the settings that diverge",
    )


def epochs(curves: Sequence[Sequence[float]]) -> Check:
    """Look at the median trial: does the last epoch still help, or did the loss rise again?"""
    name = "the number of epochs fits the median trial"
    long = [np.asarray(curve) for curve in curves if len(curve) >= 4 and np.all(np.isfinite(curve))]
    gains = [(curve, curve[0] - curve.min()) for curve in long if curve[0] > curve.min()]
    if not gains:
        return Check(name, Level.UNKNOWN)
    last = float(np.median([(curve[-2] - curve[-1]) / gain for curve, gain in gains]))
    lost = float(np.median([(curve[-1] - curve.min()) / gain for curve, gain in gains]))
    if lost > OVERFITTED:
        epoch = round(float(np.median([curve.argmin() for curve, _ in gains])))
        return Check(
            name,
            Level.PROBLEM,
            f"too many epochs: in the median trial the dev loss is lowest at epoch {epoch}, then rises again by "
            f"{lost:.0%} of what was gained. Use --set epochs={max(1, epoch)}, or score each trial at its best epoch "
            "with --keep-best-epoch",
        )
    if last > STILL_FALLING:
        return Check(
            name,
            Level.PROBLEM,
            f"the dev loss still falls: the last epoch brings {last:.0%} of the whole improvement in the median trial. "
            "Configurations that learn slowly are at a disadvantage: train longer",
        )
    return Check(name, Level.OK)


def examples(count: int | None) -> Check:
    if count is None:
        return Check("enough dev examples", Level.UNKNOWN)
    if count >= FEW_EXAMPLES:
        return Check("enough dev examples", Level.OK)
    level = Level.PROBLEM if count < VERY_FEW_EXAMPLES else Level.NOTE
    return Check(
        "examples",
        level,
        f"only {count} dev examples: other examples could give another ranking; use a larger dev split",
    )


def rungs(rungs: Mapping[int, Sequence[tuple[float, float]]]) -> Check:
    name = "early stopping would be safe"
    for epoch, pairs in sorted(rungs.items()):
        found = agreement_of(pairs)
        if found is not None and found.tau < FORETELL:
            return Check(
                name,
                Level.PROBLEM,
                f"the dev loss at the rung of epoch {epoch} does not foretell the end (Kendall's tau {found.tau:.2f}): "
                f"early stopping may drop the best configurations; use a --grace-period longer than {epoch}",
            )
    judged = any(len(pairs) >= LEAST_PAIRS for pairs in rungs.values())
    return Check(name, Level.OK if judged else Level.UNKNOWN)
