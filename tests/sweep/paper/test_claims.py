"""The published claims, judged on made-up ledgers whose answer is known."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from sweep.paper.claims import CLAIMS, Judged, Outcome, judge_claims
from sweep.paper.published import Material, cell_name
from sweep.paper.source import PaperRun
from sweep.reporting.leaderboard import Row
from sweep.reporting.paper_scores import paper_cells
from sweep.store.run_folder import RunFolder
from tests.sweep.made_up import row
from tests.sweep.paper.conftest import REFERENCE

LORA, SMART, SOAP, RANKS = CLAIMS
NOISE = np.random.default_rng(0).normal(0, 0.1, (200, 6))


def judged(claim: Any, rows: Sequence[Row], base: str = "tiny") -> Judged:
    run = PaperRun(RunFolder(REFERENCE / "combinations"), None, rows)
    return claim.judge(Material(base=base, runs=[run]))


def rows_of(settings: Mapping[str, Any], mean: float, metric: str = "chrf", place: int = 0, **more: Any) -> list[Row]:
    """Rows of one configuration with six seeds, and noise of its own."""
    plain = {key: value for key, value in settings.items() if key != "seed"}
    found = []
    for seed in range(6):
        made = row(plain, seed, **{metric: mean + NOISE[place, seed] * more.get("noise", 1.0)}, **more)
        found.append({**made, "metric": metric})
    return found


def method(space: str, name: str, **changes: Any) -> dict[str, Any]:
    """The settings of a method of the paper."""
    cell = next(one for one in paper_cells(space) if cell_name(one) == name)
    return {**cell.points[0].settings, **changes}


def lora_rows(gain: float, share: float) -> list[Row]:
    lora, vanilla = method("combinations", "LoRA"), method("combinations", "Vanilla fine-tuning (baseline)")
    return [
        *rows_of(lora, 40 + gain, trainable_share=share),
        *rows_of(vanilla, 40, place=1, trainable_share=1.0),
    ]


@pytest.mark.parametrize(
    ("gain", "share", "outcome"),
    [
        (1.0, 0.0009, Outcome.HOLDS),
        (1.0, 0.0042, Outcome.UNDECIDED),  # more weights than the claim says
        (-1.0, 0.0009, Outcome.FAILS),
        (0.0, 0.0009, Outcome.UNDECIDED),
    ],
)
def test_lora_beats_full_fine_tuning(gain: float, share: float, outcome: Outcome) -> None:
    found = judged(LORA, lora_rows(gain, share))
    assert found.outcome == outcome
    assert f"LoRA trains {100 * share:.2g} % of the weights of this base" in found.reason
    assert "LoRA - full fine-tuning: " in found.reason
    assert len(found.points) == 12


def test_one_seed_decides_nothing() -> None:
    rows = [one for one in lora_rows(1.0, 0.0009) if one["seed"] == 0]
    assert judged(LORA, rows).outcome == Outcome.UNDECIDED


def test_claims_about_other_bases_and_epochs_are_absent() -> None:
    assert judged(LORA, lora_rows(1.0, 0.0009), base="gpt2").outcome == Outcome.ABSENT
    lora = method("combinations", "LoRA", epochs=3)
    vanilla = method("combinations", "Vanilla fine-tuning (baseline)", epochs=3)
    found = judged(LORA, [*rows_of(lora, 41), *rows_of(vanilla, 40, place=1)])
    assert found.outcome == Outcome.ABSENT
    assert found.reason.endswith("`sweep run combinations --seeds 6` makes one.")


@pytest.mark.parametrize(
    ("gap", "outcome"),
    [
        (0.0, Outcome.HOLDS),
        (-0.0005, Outcome.HOLDS),
        (0.01, Outcome.HOLDS),
        (-0.02, Outcome.FAILS),
        (None, Outcome.ABSENT),
    ],
)
def test_smart_in_two_epochs(gap: float | None, outcome: Outcome) -> None:
    vanilla = rows_of(method("paraphrase", "Vanilla fine-tuning (baseline)"), 0.8, "accuracy", noise=0.001)
    smart = method("paraphrase", "SMART Library", epochs=2)
    rows = vanilla if gap is None else [*vanilla, *rows_of(smart, 0.8 + gap, "accuracy", place=1, noise=0.001)]
    assert judged(SMART, rows).outcome == outcome


def test_smart_that_varies_too_much_is_undecided() -> None:
    vanilla = rows_of(method("paraphrase", "Vanilla fine-tuning (baseline)"), 0.8, "accuracy", noise=0.1)
    smart = rows_of(method("paraphrase", "SMART Library", epochs=2), 0.8, "accuracy", place=1, noise=0.1)
    found = judged(SMART, [*vanilla, *smart])
    assert found.outcome == Outcome.UNDECIDED
    assert "SMART after 2 epochs - full fine-tuning after 10: " in found.reason


def soap_rows(bonus: Mapping[tuple[int, float], float]) -> list[Row]:
    """SOAP with three batch sizes and two rates, at two decodings."""
    found: list[Row] = []
    for place, (batch, lr) in enumerate((batch, lr) for batch in (2, 4, 8) for lr in (1e-3, 3e-3)):
        for top_p in (0.9, 0.98):
            settings = {"optimizer": "soap", "batch_size": batch, "lr": lr, "decode.top_p": top_p, "epochs": 10}
            found += rows_of(settings, 40 + 5 * top_p + bonus.get((batch, lr), 0.0), place=place)
    return found


@pytest.mark.parametrize(
    ("bonus", "outcome"),
    [
        ({(4, 3e-3): 2.0}, Outcome.HOLDS),
        ({(8, 3e-3): 2.0}, Outcome.FAILS),
        ({}, Outcome.UNDECIDED),
        ({(4, 3e-3): 2.0, (8, 3e-3): 2.0}, Outcome.UNDECIDED),
    ],
)
def test_soap_is_best_where_the_paper_says(bonus: Mapping[tuple[int, float], float], outcome: Outcome) -> None:
    found = judged(SOAP, soap_rows(bonus))
    assert found.outcome == outcome
    assert "against 5 other combinations of the two" in found.reason


def test_soap_without_other_rates_is_absent() -> None:
    rows = [one for one in soap_rows({}) if one["lr"] == 3e-3]
    assert judged(SOAP, rows).outcome == Outcome.ABSENT


@pytest.mark.parametrize(
    ("slope", "noise", "outcome"),
    [(0.0, 1.0, Outcome.HOLDS), (0.5, 1.0, Outcome.FAILS), (0.0, 20.0, Outcome.UNDECIDED)],
)
def test_ranks_score_alike(slope: float, noise: float, outcome: Outcome) -> None:
    rows: list[Row] = []
    for place, rank in enumerate((2, 8, 32)):
        for scale in (1.0, 2.0):
            settings = {"lora.rank": rank, "lora.scale": scale, "epochs": 10}
            rows += rows_of(settings, 40 + slope * place, place=place, noise=noise)
    found = judged(RANKS, rows)
    assert found.outcome == outcome
    assert "of 3 pairs of ranks" in found.reason
    assert "equal means within 0.56" in found.reason  # 42.255 - 41.692: the paper's Table 1
    assert judged(RANKS, [one for one in rows if one["lora.rank"] != 8]).outcome == Outcome.ABSENT


def test_the_reference_runs(reference: list[PaperRun]) -> None:
    found = judge_claims(reference)
    assert [(one.base, one.judged.outcome) for one in found] == [
        ("tiny", Outcome.UNDECIDED), ("tiny", Outcome.ABSENT), ("tiny", Outcome.ABSENT), ("tiny", Outcome.FAILS),
    ]  # fmt: skip
    assert "LoRA trains 0.42 % of the weights of this base" in found[0].judged.reason
    assert "lora.rank=2 - lora.rank=16: +0.65 chrf" in found[3].judged.reason
