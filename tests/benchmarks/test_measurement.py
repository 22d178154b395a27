"""Measurements: pairs alternate, and a line passes up to its target."""

from collections.abc import Callable

import pytest
import torch

from benchmarks.measurement import THREADS, Measurement, alternate, compare, ratio, skipped, summary


def line(figure: float, at_least: bool) -> Measurement:
    return Measurement(3, "a step", figure, None, 0.85, at_least, "x", 5)


@pytest.mark.parametrize(("figure", "at_most", "at_least"), [(0.84, 1, 0), (0.85, 1, 1), (0.851, 0, 1)])
def test_a_line_passes_up_to_its_target(figure: float, at_most: bool, at_least: bool) -> None:
    assert line(figure, at_least=False).passes == at_most
    assert line(figure, at_least=True).passes == at_least


def test_a_skipped_line_does_not_pass() -> None:
    one = skipped(3, "a step", 0.85, "no bf16 instructions")
    assert (one.passes, one.pairs, one.note) == (False, 0, "no bf16 instructions")


def calls_of(order: list[str]) -> tuple[Callable[[], float], Callable[[], float]]:
    """Return two sides that write their names into `order` and return its length."""

    def side(name: str) -> Callable[[], float]:
        def call() -> float:
            order.append(name)
            return len(order)

        return call

    return side("one"), side("other")


def test_the_sides_alternate() -> None:
    order: list[str] = []
    assert alternate(*calls_of(order), 3) == [(1, 2), (3, 4), (5, 6)]
    assert order == ["one", "other"] * 3


@pytest.mark.parametrize(("warm_up", "runs"), [(True, 3), (False, 2)])
def test_a_warm_up_does_not_count(warm_up: bool, runs: int) -> None:
    order: list[str] = []
    pairs = compare(*calls_of(order), 2, warm_up=warm_up)
    assert len(pairs) == 2
    assert min(min(pair) for pair in pairs) > 0
    assert order == ["one", "other"] * runs


def test_both_sides_run_on_one_thread() -> None:
    used: list[int] = []
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        compare(lambda: used.append(torch.get_num_threads()), lambda: used.append(torch.get_num_threads()), 1)
        assert used == [THREADS] * 4
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_ratio_is_the_median_of_pairs() -> None:
    one = ratio(5, "a text", [(1, 2), (9, 3), (4, 4), (2, 1), (6, 4)], 1.3, at_least=True)
    assert (one.figure, one.quartiles, one.pairs, one.passes) == (1.5, (0.75, 2.5), 5, True)
    assert ratio(5, "a text", [(1, 2), (3, 2)], 1.3).quartiles is None


def test_a_summary_has_medians_and_quartiles() -> None:
    assert summary([(1, 2), (3, 2), (2, 2)]).split() == ["2.0000", "2.0000", "1.00", "(0.50", "to", "1.50)"]
    assert summary([(1, 2)]).split() == ["1.0000", "2.0000", "0.50"]
