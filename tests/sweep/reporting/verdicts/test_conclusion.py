"""Conclusions in plain sentences."""

import numpy as np

from sweep.reporting.verdicts.conclusion import conclusion
from sweep.reporting.verdicts.study import Study
from tests.sweep.made_up import row, rows_of


def test_a_clear_best_is_named_with_its_interval() -> None:
    generator = np.random.default_rng(0)
    scores = {str(rank): list(40 + generator.normal(0, 0.1, 4)) for rank in (2, 4, 8, 16, 32)}
    scores["64"] = list(45 + generator.normal(0, 0.1, 4))
    best, luck = conclusion(Study(rows_of(scores)))
    assert best.startswith("best chrf: 45.0")
    assert best.endswith(
        "n = 4 at lora.rank=64, +15.0 against the model before fine-tuning; every other configuration is worse"
    )
    assert luck.startswith("more than luck, the configurations differ: if all 6 configurations were equally good")


def test_equal_settings_are_called_luck() -> None:
    generator = np.random.default_rng(1)
    scores = {str(rank): list(40 + generator.normal(0, 1, 3)) for rank in (2, 4, 8, 16)}
    best, luck = conclusion(Study(rows_of(scores)))
    assert best.endswith("all other configurations are tied with it (marked =)")
    assert luck.startswith("possibly luck")


def test_one_seed_says_what_to_do() -> None:
    _, advice, *_ = conclusion(Study(rows_of({"2": [40.0], "8": [42.0]})))
    assert advice.startswith("one seed per configuration: any difference may be luck")


def test_a_best_below_the_baseline_is_said() -> None:
    lines = conclusion(Study(rows_of({"2": [20.0, 21.0], "8": [22.0, 22.5]})))
    assert "the best configuration does not beat the baseline (chrf 30.000 [30.000, 30.000], n = 2)" in lines


def test_the_best_by_dev_loss_is_named_if_it_is_another_one() -> None:
    rows = [row({"lr": lr}, seed, chrf=40 + lr + seed, dev_loss=3 + lr) for lr in (0.1, 0.2) for seed in (0, 1)]
    lines = conclusion(Study(rows))
    assert lines[0].startswith("best chrf: 40.700")
    assert "at lr=0.2" in lines[0]
    assert lines[-1].startswith("best dev_loss (lower is better): 3.100")
    assert "at lr=0.1" in lines[-1]


def test_a_seed_is_no_setting() -> None:
    assert not any("seed=" in line for line in conclusion(Study(rows_of({"2": [40.0, 41.0], "8": [42.0, 44.0]}))))


def test_two_configurations_get_a_verdict() -> None:
    _, verdict = conclusion(Study(rows_of({"2": [40.0, 40.1, 40.2], "4": [42.0, 42.2, 42.1]})))
    assert verdict.startswith("lora.rank=4 - lora.rank=2: +2.00 chrf, 95 % interval 1.")
    assert verdict.partition(": better")[1]


def test_sets_are_named_where_there_are_several() -> None:
    rows = [
        row({"data": name, "lr": lr}, 0, chrf=score, dev_loss=3.0)
        for name, lr, score in (("a", 0.1, 40.0), ("a", 0.2, 41.0), ("b", 0.1, 50.0), ("b", 0.2, 51.0))
    ]
    lines = [line for line in conclusion(Study(rows)) if "best chrf" in line]
    assert [line.partition(": best")[0] for line in lines] == ["data a", "data b"]


def test_a_sequential_comparison_gets_no_test_for_a_fixed_number_of_seeds() -> None:
    study = Study(rows_of({"2": [40.0, 40.1, 40.2], "4": [42.0, 42.2, 42.1]}))
    assert not any("paired seeds" in line for line in conclusion(study, is_sequential=True))


def test_ties_are_broken_by_dev_loss() -> None:
    rows = [row({"lora.rank": rank}, 0, chrf=40.0, dev_loss=loss) for rank, loss in ((2, 3.0), (4, 2.0), (8, 4.0))]
    assert "at lora.rank=4" in conclusion(Study(rows))[0]
