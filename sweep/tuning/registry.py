"""The registries of schedulers and searchers: name -> entry. Command-line choices, help texts and checks read them.

To add one, write its file and add its line to `SCHEDULERS` or `SEARCHERS`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.suggest import did_you_mean
from sweep.errors import SpaceError
from sweep.planning.config import TuneConfig
from sweep.planning.plan import Trial
from sweep.planning.search_space import Params, SearchSpace
from sweep.tuning.observations import Observation
from sweep.tuning.schedulers import FIFO, Promotion, Scheduler, Stopping
from sweep.tuning.tpe import propose

Propose = Callable[[SearchSpace, Sequence[Observation], int], Params]


@dataclass(frozen=True, kw_only=True)
class SchedulerEntry:
    """A scheduler. `make` gets the trials of a run by id, a mapping that grows during a search."""

    make: Callable[[TuneConfig, Mapping[str, Trial]], Scheduler]
    help: str
    has_rungs: bool = True  # whether it compares trials at rungs


@dataclass(frozen=True, kw_only=True)
class SearcherEntry:
    """A searcher. `propose` gets the space, the observations so far, and the number of the attempt.

    If it proposes an earlier point again, it is called with the next attempt, which must give another proposal.
    """

    propose: Propose | None  # None: run every point of the space
    help: str
    learns: bool = False  # whether proposals depend on results, so that points are suggested during the run


def _fifo(tune_config: TuneConfig, trials: Mapping[str, Trial]) -> Scheduler:
    return FIFO()


def propose_random(space: SearchSpace, history: Sequence[Observation], attempt: int) -> Params:
    """Return a random point that depends only on the number of earlier points and on `attempt`."""
    return space.random(len(history), attempt)


SCHEDULERS = {
    "fifo": SchedulerEntry(make=_fifo, help="run every trial to its last epoch", has_rungs=False),
    "asha": SchedulerEntry(
        make=Stopping, help="stop the worse trials at each rung (an epoch at which trials are compared)"
    ),
    "asha-promote": SchedulerEntry(
        make=Promotion,
        help="pause every trial at each rung and resume only the best. With one or two workers, prefer it to asha",
    ),
}
SEARCHERS = {
    "grid": SearcherEntry(propose=None, help="run every point of the space"),
    "random": SearcherEntry(
        propose=propose_random, help="sample --num-samples points at random; of a grid axis, pick one of its values"
    ),
    "tpe": SearcherEntry(propose=propose, help="like random, but learn from the results so far", learns=True),
}


def make_scheduler(tune_config: TuneConfig, trials: Mapping[str, Trial]) -> Scheduler:
    """Return the scheduler that `tune_config` names, for `trials`, a mapping that may grow."""
    return SCHEDULERS[tune_config.scheduler].make(tune_config, trials)


def describe(registry: Mapping[str, Any]) -> str:
    """Return the names and help texts of a registry in one line."""
    return ". ".join(f"{name}: {entry.help}" for name, entry in registry.items()) + "."


def check(tune_config: TuneConfig) -> None:
    """Raise SpaceError if a name is unknown or an option contradicts another."""
    _check_name("--search", tune_config.search, SEARCHERS)
    _check_name("--scheduler", tune_config.scheduler, SCHEDULERS)
    searcher, scheduler = SEARCHERS[tune_config.search], SCHEDULERS[tune_config.scheduler]
    if searcher.propose is None and tune_config.num_samples is not None:
        raise SpaceError("--num-samples: a grid runs every point; add --search random or --search tpe, or use --budget")
    if searcher.propose is not None and tune_config.num_samples is None:
        raise SpaceError(f"--search {tune_config.search}: say how many points to sample with --num-samples N")
    rungs = (tune_config.grace_period, tune_config.reduction_factor)
    if not scheduler.has_rungs and rungs != (TuneConfig.grace_period, TuneConfig.reduction_factor):
        raise SpaceError(
            f"--grace-period, --reduction-factor: without effect under --scheduler {tune_config.scheduler}; "
            "add --scheduler asha"
        )
    if not scheduler.has_rungs and not searcher.learns and tune_config.objective != TuneConfig.objective:
        raise SpaceError("--objective: no scheduler or search compares scores; add --scheduler asha or --search tpe")


def _check_name(option: str, name: str, registry: Mapping[str, Any]) -> None:
    if name not in registry:
        raise SpaceError(f"{option}: unknown name {name!r}: {did_you_mean(name, registry)}Known: {', '.join(registry)}")
