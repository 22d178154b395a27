"""Standings of settings."""

import numpy as np
import pytest

from sweep.reporting.verdicts.groups import groups_of
from sweep.reporting.verdicts.records import columns, records
from sweep.reporting.verdicts.standings import standings
from sweep.reporting.verdicts.study import Study
from sweep.statistics.luck import luck_line
from sweep.statistics.paired import paired_effect
from sweep.statistics.tied import tied_with_best
from tests.sweep.made_up import rows_of

SCORES = {"2": [40.0, 41.0, 40.5], "8": [42.0, 43.2, 42.4], "16": [42.1, 43.0, 42.6], "64": [35.0, 36.1, 35.2]}


def test_settings_rank_by_their_mean() -> None:
    found = standings(groups_of(rows_of(SCORES)), "chrf")
    assert [one.group.settings["lora.rank"] for one in found.settings] == [16, 8, 2, 64]
    assert [one.rank for one in found.settings] == [1, 2, 3, 4]


def test_a_smaller_loss_is_better() -> None:
    found = standings(groups_of(rows_of(SCORES)), "dev_loss")
    assert [one.group.settings["lora.rank"] for one in found.settings] == [16, 8, 2, 64]


def test_marks_and_luck_are_those_of_the_statistics() -> None:
    found = standings(groups_of(rows_of(SCORES)), "chrf")
    table = np.array([SCORES[name] for name in ("16", "8", "2", "64")])
    assert [one.tied for one in found.settings] == list(tied_with_best(table))
    assert found.luck == luck_line(table)


def test_differences_to_the_best_are_paired() -> None:
    found = standings(groups_of(rows_of(SCORES)), "chrf").settings
    expected = paired_effect(np.subtract(SCORES["2"], SCORES["16"]))
    assert found[0].to_best is None
    assert [found[2].to_best.mean, found[2].to_best.low, found[2].to_best.p] == pytest.approx(
        [float(expected.mean), float(expected.low), float(expected.p)]
    )
    assert found[2].to_best.adjusted >= found[2].to_best.p


def test_one_seed_gives_ranks_alone() -> None:
    found = standings(groups_of(rows_of({"2": [40.0], "8": [42.0]})), "chrf")
    assert [one.rank for one in found.settings] == [1, 2]
    assert all(one.tied is None and one.to_best is None for one in found.settings)
    assert found.luck is None


def test_a_setting_that_lost_a_seed_is_left_out_of_the_luck_line() -> None:
    found = standings(groups_of(rows_of({**SCORES, "32": [41.0, float("nan"), 41.2]})), "chrf")
    assert found.left_out == 1
    assert found.luck == standings(groups_of(rows_of(SCORES)), "chrf").luck


def test_records_hold_every_figure() -> None:
    found = records(Study(rows_of(SCORES)))
    assert [one["lora.rank"] for one in found] == [16, 8, 2, 64]
    assert found[0]["chrf"] == pytest.approx(np.mean(SCORES["16"]))
    assert found[0]["base_chrf"] == 30.0
    assert found[1]["to_best_mean"] == pytest.approx(np.mean(SCORES["8"]) - np.mean(SCORES["16"]))
    assert {"rank", "tied", "n", "chrf_sd", "chrf_low", "chrf_high", "dev_loss_low", "to_best_adjusted"} <= set(
        columns(found)
    )
