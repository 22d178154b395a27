"""The registries of schedulers and searchers: validation and custom entries."""

from collections.abc import Sequence
from typing import Any

import pytest

from sweep.cli.options import search_options
from sweep.errors import SpaceError
from sweep.planning.axes import grid
from sweep.planning.config import TuneConfig
from sweep.planning.search_space import Params, SearchSpace
from sweep.planning.space import Space
from sweep.tuning.observations import Observation
from sweep.tuning.registry import SCHEDULERS, SEARCHERS, SchedulerEntry, SearcherEntry, check, describe, make_scheduler
from sweep.tuning.schedulers import FIFO
from sweep.tuning.searchers import suggest_all


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_samples": 5}, "--num-samples: a grid runs every point"),
        ({"search": "random"}, "--search random: say how many points to sample with --num-samples N"),
        ({"search": "tpe"}, "--search tpe: say how many"),
        ({"search": "gird"}, "--search: unknown name 'gird': did you mean 'grid'\\? Known: grid, random, tpe"),
        ({"scheduler": "ash"}, "--scheduler: unknown name 'ash': did you mean 'asha'"),
        ({"grace_period": 2}, "without effect under --scheduler fifo"),
        ({"reduction_factor": 2}, "without effect under --scheduler fifo"),
        ({"objective": "metric"}, "--objective: no scheduler or search compares scores"),
        (
            {"objective": "metric", "search": "random", "num_samples": 5},
            "--objective: no scheduler or search compares scores",
        ),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        check(TuneConfig(**options))


@pytest.mark.parametrize(
    "options",
    [
        {"search": "random", "num_samples": 5},
        {"search": "tpe", "num_samples": 5, "objective": "metric"},
        {"scheduler": "asha", "grace_period": 2, "reduction_factor": 2, "objective": "metric"},
        {"search": "tpe", "num_samples": 5, "scheduler": "asha-promote"},
    ],
)
def test_options_that_do(options: dict[str, Any]) -> None:
    check(TuneConfig(**options))


def last_first(space: SearchSpace, history: Sequence[Observation], attempt: int) -> Params:
    """Propose the values of the only axis from the last to the first."""
    ((key, axis),) = space.searched(space.branches[0]).items()
    return {key: list(axis.values or ())[-1 - len(history)]}


def test_registered_searcher_suggests_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SEARCHERS, "last-first", SearcherEntry(propose=last_first, help="sample from behind"))
    check(TuneConfig(search="last-first", num_samples=3))
    with pytest.raises(SpaceError, match="--search last-first: say how many"):
        check(TuneConfig(search="last-first"))
    space = SearchSpace.of(Space(axes={"lr": grid(0.1, 0.2, 0.3)}), {}, 1)
    assert [each.params["lr"] for each in suggest_all(space, 3, "last-first")] == [0.3, 0.2, 0.1]


def test_registered_scheduler_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = SchedulerEntry(make=lambda tune_config, trials: FIFO(), help="stop nothing")
    monkeypatch.setitem(SCHEDULERS, "idle", entry)
    check(TuneConfig(scheduler="idle", grace_period=4))
    assert isinstance(make_scheduler(TuneConfig(scheduler="idle"), {}), FIFO)


def test_help_and_choices_come_from_the_registries() -> None:
    command = search_options(lambda: None)
    options = {option.name: option for option in command.__click_params__}  # type: ignore[attr-defined]
    for name, registry in (("search", SEARCHERS), ("scheduler", SCHEDULERS)):
        assert list(options[name].type.choices) == list(registry)
        assert options[name].help == describe(registry)
        assert all(f"{each}: {entry.help}" in describe(registry) for each, entry in registry.items())
