"""Health checks: planted faults are found, and clean studies show no problem."""

from collections.abc import Callable

import numpy as np
import pytest

from sweep.reporting.verdicts.check import Evidence, Level
from sweep.reporting.verdicts.health import health, health_lines
from sweep.reporting.verdicts.study import Study
from sweep.store.status import Status
from tests.sweep.made_up import row

GOOD_CURVES = [[5.0, 4.5, 4.2, 4.1, 4.08, 4.075]] * 4


def clean(seed: int = 0, gain: float = 1.0) -> list:
    """A grid of 8 settings with 4 seeds whose best rank is 8, in the middle of its axis; both scores agree."""
    generator = np.random.default_rng(seed)
    found = []
    for rank in (2, 8, 32, 64):
        for lr in (0.1, 0.2):
            for number in range(4):
                score = 40 + gain * {2: 0.0, 8: 2.0, 32: 1.5, 64: 1.0}[rank] + 0.5 * (lr == 0.2)
                score += generator.normal(0, 0.2)
                found.append(row({"lora.rank": rank, "lr": lr}, number, chrf=score, dev_loss=6 - score / 20,
                                 base_chrf=38.0, base_dev_loss=5.0))  # fmt: skip
    return found


def checked(rows: list, **more: object) -> list:
    return health(Study(rows), Evidence(**{"curves": GOOD_CURVES, "rungs": {}, "examples": 200, **more}))


def found(rows: list, **more: object) -> list[str]:
    return [line for line in health_lines(checked(rows, **more)) if not line.startswith(("ok", "not checked"))]


def with_scores(change: Callable[[dict], float], rows: list) -> list:
    return [{**one, "chrf": change(one)} for one in rows]


NOISE = np.random.default_rng(9)
ORDER = [(5.0 - place, 4.0 - place / 10) for place in range(10)]
FAULTS = {
    "noise": (lambda: with_scores(lambda _: 40 + NOISE.normal(), clean()), {}, "the best chrf may be luck"),
    "edge": (
        lambda: with_scores(lambda one: one["chrf"] + (5 if one["lora.rank"] == 64 else 0), clean()),
        {},
        "the best lora.rank is 64, the end of its axis: try larger values",
    ),
    "undecided edge": (
        lambda: with_scores(lambda one: one["chrf"] - 2 * (one["lora.rank"] == 8) + one["seed"] % 2 * 0.7
                            * (one["lora.rank"] == 64) + 0.45 * (one["lora.rank"] == 64), clean()),
        {},
        "the best lora.rank, 64, is the largest one tried, though 32 is not clearly worse: larger values may be better",
    ),
    "top": (
        lambda: [{**one, "dev_loss": 9.0 if (one["lora.rank"], one["lr"]) == (8, 0.2) else one["dev_loss"]}
                 for one in clean()],
        {},
        "the best chrf is only in place 8 of 8 by dev_loss: look at its learning curve and texts",
    ),
    "short": (clean, {"curves": [[5.0, 4.8, 4.6, 4.4, 4.2]] * 4}, "the dev loss still falls"),
    "long": (clean, {"curves": [[5.0, 4.2, 4.1, 4.3, 4.6]] * 4}, "the dev loss is lowest at epoch 2, then rises again"),
    "baseline": (
        lambda: [{**one, "base_chrf": 90.0} for one in clean()],
        {},
        "no configuration beats the baseline in chrf",
    ),
    "axis": (
        lambda: with_scores(lambda one: one["chrf"] - 0.5 * (one["lr"] == 0.2), clean(gain=2)),
        {},
        "lr has no visible effect on chrf",
    ),
    "rungs": (
        clean,
        {"rungs": {1: [(a, b) for (a, _), (_, b) in zip(ORDER, reversed(ORDER), strict=True)]}},
        "the dev loss at the rung of epoch 1 does not foretell the end",
    ),
    "diverged": (
        lambda: [{**one, "status": Status.DIVERGED} if one["lr"] == 0.2 else one for one in clean()],
        {},
        "16 of 32 rows diverged or failed (50%)",
    ),
    "seeds": (lambda: clean()[:-2], {}, "configurations have between 2 and 4 seeds with a score"),
    "disagreement": (
        lambda: [{**one, "dev_loss": one["chrf"] / 20} for one in clean()],
        {},
        "configurations with a better dev_loss have a worse chrf",
    ),
    "examples": (clean, {"examples": 6}, "only 6 dev examples"),
    "outlier": (
        lambda: with_scores(
            lambda one: one["chrf"] + (9 if (one["lora.rank"], one["lr"], one["seed"]) == (8, 0.2, 3) else 0), clean()
        ),
        {},
        "one seed's difference of",
    ),
    "duplicates": (
        lambda: [*clean(), *(row({"lora.rank": 2, "lr": 0.3}, one["seed"], **{k: one[k] for k in (
            "chrf", "dev_loss", "base_chrf")}) for one in clean() if one["lora.rank"] == 2 and one["lr"] == 0.1)],
        {},
        "have the same scores with every seed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name: str) -> None:
    make, more, message = FAULTS[name]
    assert any(message in line for line in found(make(), **more)), found(make(), **more)


def test_clean_studies_show_no_problem() -> None:
    with_problem = [
        seed for seed in range(20) if any(one.level == Level.PROBLEM for one in checked(clean(seed)))
    ]  # fmt: skip
    assert len(with_problem) <= 1


def test_null_studies_show_no_problem() -> None:
    """Settings that are all equal are luck, but no fault of the study."""
    shown = 0
    for seed in range(100):
        noise = np.random.default_rng(seed)
        rows = with_scores(lambda _: 40 + noise.normal(), clean(seed))  # noqa: B023
        shown += any(one.level == Level.PROBLEM for one in checked(rows))
    assert shown <= 5


def test_a_clean_study_says_what_was_checked() -> None:
    lines = health_lines(checked(clean()))
    assert lines[0].startswith("ok: no trial diverged or failed, the number of epochs fits")
    assert lines[-1].startswith("not checked: early stopping would be safe")


def test_one_seed_is_not_judged() -> None:
    lines = health_lines(checked([one for one in clean() if one["seed"] == 0]))
    assert any(line.startswith("not checked") and "configurations differ by more than noise" in line for line in lines)


def test_an_empty_run_has_no_checks() -> None:
    assert checked([]) == []
