"""The honesty benchmark: its rules err as they should on a few draws, and its table holds every rule and study."""

import numpy as np
import pytest

from benchmarks import honesty
from benchmarks.honesty import RULES, STUDIES, Outcome, outcome, run, table


def rate(study: str, rule: str, draws: int = 100) -> Outcome:
    return outcome(STUDIES[study], RULES[rule], draws, seed=1)


@pytest.mark.parametrize("rule", ["top row", "top mean of 3 seeds", "early stopping, best row"])
def test_taking_the_top_row_claims_something_in_every_null_study(rule: str) -> None:
    found = rate("null, 24 settings", rule)
    assert found.false >= 0.8
    assert found.missed is None
    assert found.coverage is None


@pytest.mark.parametrize("rule", ["sweep compare", "sweep settle", "sweep confirm"])
@pytest.mark.parametrize("study", ["null, 24 settings", "heavy tails, null", "unequal noise, null"])
def test_our_rules_hold_their_level_on_null_studies(study: str, rule: str) -> None:
    assert rate(study, rule).false <= 0.11  # 5 % + 2.8 standard errors of 100 draws


def test_peeking_errs_more_often_than_settling() -> None:
    assert (
        rate("null, 24 settings", "peeking with a t test").false > 3 * rate("null, 24 settings", "sweep settle").false
    )


def test_over_tuning_deceives_every_rule_on_the_dev_split() -> None:
    assert rate("over-tuning, null", "sweep settle").false > 0.5
    assert rate("over-tuning, null", "sweep confirm").false <= 0.11


def test_effects_are_found_and_trials_counted() -> None:
    found = rate("main effect", "sweep settle")
    assert found.missed <= 0.1
    assert 3 * 24 + 6 <= found.trials <= 3 * 24 + 28
    assert rate("main effect", "top row").trials == 24


def test_a_rule_that_knows_the_truth_never_errs() -> None:
    def oracle(study: honesty.Study, generator: np.random.Generator) -> honesty.Claim:
        best = int(study.truth.argmax())
        effect = float(study.truth[best] - study.truth[0])
        return honesty.Claim(setting=best, is_better=effect > 0, interval=(effect, effect), trials=0)

    for make in STUDIES.values():
        found = outcome(make, oracle, 5, seed=0)
        assert found.false == 0
        assert found.missed in (None, 0)


def test_the_table_holds_every_rule_and_study() -> None:
    text = table(run(2))
    assert all(f"| {name} |" in text for name in (*RULES, *STUDIES))
