"""Groups of rows that differ only in their seed."""

import math

import numpy as np
import pytest
from scipy import stats

from sweep.reporting.verdicts.groups import comparable, groups_of, matrix, summarize
from sweep.store.status import Status
from tests.sweep.made_up import row, rows_of


def test_rows_of_one_setting_are_one_group() -> None:
    found = groups_of(rows_of({"2": [40.0, 41.0], "8": [42.0, 43.0]}))
    assert [group.settings["lora.rank"] for group in found] == [2, 8]
    assert [group.scores("chrf") for group in found] == [{0: 40.0, 1: 41.0}, {0: 42.0, 1: 43.0}]
    assert found[0].baseline("chrf") == {0: 30.0, 1: 30.0}


def test_the_summary_is_students() -> None:
    scores = [40.0, 41.0, 43.5]
    found = summarize(scores)
    low, high = stats.t.interval(0.95, 2, np.mean(scores), stats.sem(scores))
    assert [found.mean, found.sd, found.low, found.high] == pytest.approx(
        [np.mean(scores), np.std(scores, ddof=1), low, high]
    )
    assert (found.n, found.lost) == (3, 0)


def test_lost_seeds_count_and_unfinished_ones_do_not() -> None:
    rows = [
        row({}, 0, chrf=40.0),
        row({}, 1, chrf=41.0),
        row({}, 2, status=Status.DIVERGED),
        row({}, 3, status=Status.RUNNING, chrf=1.0),
        row({}, 4, status=Status.STOPPED, chrf=1.0),
    ]
    (group,) = groups_of(rows)
    assert group.scores("chrf") == pytest.approx({0: 40.0, 1: 41.0, 2: math.nan}, nan_ok=True)
    assert (group.summary("chrf").n, group.summary("chrf").lost) == (2, 1)


def test_one_seed_has_no_interval() -> None:
    found = summarize([40.0])
    assert (found.mean, found.sd, found.low) == (40.0, None, None)


def test_settings_of_other_epochs_are_not_comparable() -> None:
    rows = [row({"epochs": epochs, "lr": lr}, 0, chrf=1.0) for epochs in (2, 4) for lr in (0.1, 0.2)]
    assert [len(members) for members in comparable(groups_of(rows))] == [2, 2]


def test_the_matrix_makes_larger_better_and_marks_gaps() -> None:
    found = matrix([{0: 1.0, 2: 3.0}, {0: 2.0}], "dev_loss")
    assert found == pytest.approx(np.array([[-1.0, -3.0], [-2.0, math.nan]]), nan_ok=True)
