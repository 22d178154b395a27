"""The TPE benchmark: both searches sample from the same space, and the table names the better one."""

import pytest

from benchmarks import tpe
from benchmarks.tpe import Run, search, smart_space, table
from sweep.planning.search_space import SearchSpace


def test_both_searches_sample_and_observe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tpe, "dev_loss", lambda config: None if config.smart.lam > 0.03 else config.smart.lam)
    space = SearchSpace.of(smart_space(0), {}, 1)
    for kind in ("random", "tpe"):
        run = search(space, kind, 12)
        told = [loss for loss in run.losses if loss is not None]
        assert len(run.losses) == 12
        assert len(set(told)) == len(told)
        assert run.best(12) == min(told)
    assert search(space, "tpe", 12) == search(space, "tpe", 12)


@pytest.mark.parametrize("kind", ["random", "tpe"])
def test_searches_sample_independently(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Else five searches would be one, five times."""
    monkeypatch.setattr(tpe, "dev_loss", lambda config: config.smart.lam)
    runs = [search(SearchSpace.of(smart_space(number), {}, 1), kind, 3) for number in range(tpe.SEARCHES)]
    firsts = {run.losses[0] for run in runs}
    assert len(firsts) == tpe.SEARCHES
    assert max(firsts) > 1.1 * min(firsts)  # more apart than the nudge of their ranges


def test_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tpe, "MARKS", (1, 2))
    runs = {"random": [Run((3.0, 2.0)), Run((3.0, None))], "tpe": [Run((3.0, 1.0)), Run((2.0, 2.0))]}
    lines = table(runs).splitlines()
    assert lines[2].endswith("| 1 of 2 |")
    assert lines[3] == "| 2 trials | 2.5000 (2.0000 to 3.0000) | 1.5000 (1.0000 to 2.0000) | 2 of 2 |"
