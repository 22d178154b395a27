"""Schedulers compared with Optuna and with a plain transcription, and that kills do not change their decisions."""

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest

from sweep import Space, grid
from sweep.planning.config import TuneConfig
from sweep.planning.plan import Trial, make_plan
from sweep.planning.space import expand
from sweep.prepare import RunRequest, prepare
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, load_state
from sweep.store.status import Status
from sweep.tuning.registry import make_scheduler
from sweep.tuning.schedulers import Promotion, Stopping, comparison_group, ids, levels, objective, rung
from tests.sweep.curves import Curve, Killed, chance, crossing, ends, rungs, session, state_behind, trains
from tests.sweep.made_up import event


def trials_of(count: int, epochs: int, seeds: int = 1, task: str = "sonnets") -> dict[str, Trial]:
    ranks = grid(*range(1, count + 1))
    return ids(
        make_plan(expand(Space(task=task, fixed={"epochs": epochs}, axes={"lora.rank": ranks}), {}), seeds).trials
    )


def tune_config_of(scheduler: str = "asha", grace: int = 1, reduction: int = 3, **more: Any) -> TuneConfig:
    return TuneConfig(scheduler=scheduler, grace_period=grace, reduction_factor=reduction, **more)


def begin(state: RunState, trial: Trial) -> None:
    attempt = state.trial(trial.trial_id).attempt + 1
    note(state, "status", trial, attempt=attempt, status="RUNNING")


def tell(state: RunState, trial: Trial, epoch: int, value: float, **more: Any) -> None:
    """The event of an epoch."""
    note(state, "epoch", trial, epoch=epoch, dev_loss=value, **more)


def diverge(state: RunState, trial: Trial, epoch: int) -> None:
    note(state, "epoch", trial, epoch=epoch, status="DIVERGED", loss="nan")


def note(state: RunState, kind: str, trial: Trial, **content: Any) -> None:
    content = {"attempt": state.trial(trial.trial_id).attempt, **content}
    state.apply(event(kind, trial_id=trial.trial_id, **content))


@pytest.mark.parametrize(
    ("epochs", "grace", "reduction", "expected"),
    [
        (10, 1, 3, (1, 3)),  # 9 would leave one epoch to save
        (9, 1, 3, (1, 3)),
        (27, 1, 3, (1, 3, 9)),
        (1, 1, 3, ()),
        (2, 1, 3, ()),
        (3, 1, 3, (1,)),
        (10, 2, 2, (2, 4)),
        (10, 6, 2, ()),
        (16, 1, 4, (1, 4)),
    ],
)
def test_rungs_are_a_reduction_factor_apart(epochs: int, grace: int, reduction: int, expected: tuple[int, ...]) -> None:
    assert levels(tune_config_of(grace=grace, reduction=reduction), epochs) == expected


def test_fifo_judges_nothing() -> None:
    trials = trials_of(3, 9)
    fifo = make_scheduler(TuneConfig(), trials)
    state = RunState()
    (first, *_) = trials.values()
    assert (fifo.levels(first), fifo.stops(state, first, 1, 9.0), fifo.promote(state, True)) == ((), None, None)
    assert not fifo.shuffles
    assert isinstance(make_scheduler(tune_config_of("asha"), trials), Stopping)
    assert isinstance(make_scheduler(tune_config_of("asha-promote"), trials), Promotion)


# Stopping, as Optuna decides.


def stopping_ends(
    trials: Mapping[str, Trial], tune_config: TuneConfig, values: Mapping[tuple[str, int], float]
) -> list[int]:
    """The epoch at which each training ends, one after the other."""
    state, scheduler, found = RunState(), Stopping(tune_config, trials), []
    for trial in trials.values():
        begin(state, trial)
        for epoch in range(1, trial.epochs + 1):
            reason = scheduler.stops(state, trial, epoch, values[trial.trial_id, epoch])
            ended = {"status": "STOPPED", "rung": epoch, "reason": reason} if reason else {}
            tell(state, trial, epoch, values[trial.trial_id, epoch], **ended)
            if reason or epoch == trial.epochs:
                found.append(epoch)
                break
    return found


def optuna_ends(
    trials: Mapping[str, Trial], tune_config: TuneConfig, values: Mapping[tuple[str, int], float]
) -> list[int]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner = optuna.pruners.SuccessiveHalvingPruner(
        min_resource=tune_config.grace_period, reduction_factor=tune_config.reduction_factor, min_early_stopping_rate=0
    )
    study, found = optuna.create_study(pruner=pruner), []
    for trial in trials.values():
        asked = study.ask()
        for epoch in range(1, trial.epochs + 1):
            asked.report(values[trial.trial_id, epoch], epoch)
            pruned = epoch in levels(tune_config, trial.epochs) and asked.should_prune()
            if pruned or epoch == trial.epochs:
                study.tell(
                    asked, state=optuna.trial.TrialState.PRUNED if pruned else None, values=None if pruned else 0
                )
                found.append(epoch)
                break
    return found


@pytest.mark.parametrize("order", ["random", "best first", "worst first", "ties"])
@pytest.mark.parametrize(("grace", "reduction"), [(1, 2), (1, 3), (2, 2), (1, 4)])
def test_stopping_decides_as_optunas_successive_halving(order: str, grace: int, reduction: int) -> None:
    trials, tune_config = trials_of(24, 9), tune_config_of(grace=grace, reduction=reduction)
    numbers = random.Random(f"{order}/{grace}/{reduction}")
    values = {}
    for place, name in enumerate(trials):
        for epoch in range(1, 10):
            level = {"random": 0.0, "best first": place / 8, "worst first": -place / 8, "ties": 0.0}[order]
            noise = numbers.randrange(3) if order == "ties" else numbers.random()
            values[name, epoch] = level + noise
    ours = stopping_ends(trials, tune_config, values)
    assert ours == optuna_ends(trials, tune_config, values)
    assert len(set(ours)) > 1


def test_stopped_trial_gets_its_rank() -> None:
    trials = trials_of(4, 3)
    state, scheduler = RunState(), Stopping(tune_config_of(), trials)
    for trial, value in zip(trials.values(), (1.0, 2.0, 3.0), strict=False):
        begin(state, trial)
        tell(state, trial, 1, value)
    (*_, last) = trials.values()
    begin(state, last)
    assert scheduler.stops(state, last, 1, 2.5) == "asha: 3 of 4 at the rung of epoch 1"
    assert scheduler.stops(state, last, 1, 1.0) is None  # as good as the best
    assert scheduler.stops(state, last, 2, 9.0) is None  # no rung


def test_first_trial_at_a_rung_continues() -> None:
    trials = trials_of(2, 3)
    state = RunState()
    (first, _) = trials.values()
    begin(state, first)
    assert Stopping(tune_config_of(), trials).stops(state, first, 1, 1e9) is None


@pytest.mark.parametrize("scheduler", ["asha", "asha-promote"])
def test_diverged_trials_rank_last_at_later_rungs(scheduler: str) -> None:
    trials, tune_config = trials_of(3, 9), tune_config_of(scheduler)
    state = RunState()
    first, second, _ = trials.values()
    for trial in (first, second):
        begin(state, trial)
        tell(state, trial, 1, 2.0)
    diverge(state, first, 2)
    key = comparison_group(first)
    assert [e.value for e in rung(state, tune_config, trials, key, 1)] == [2.0, 2.0]
    assert [(e.trial_id, e.value) for e in rung(state, tune_config, trials, key, 3)] == [(first.trial_id, float("inf"))]


def test_diverged_trials_make_room_for_others() -> None:
    trials, tune_config = trials_of(6, 3), tune_config_of()
    state, scheduler = RunState(), Stopping(tune_config, trials)
    names = list(trials.values())
    for trial in names[:4]:
        begin(state, trial)
        diverge(state, trial, 1)
    begin(state, names[4])
    tell(state, names[4], 1, 1.0)
    begin(state, names[5])
    assert scheduler.stops(state, names[5], 1, 2.0) is None  # second of six: two go on


def test_seeds_and_tasks_are_separate_comparison_groups() -> None:
    trials = {**trials_of(2, 3, seeds=2), **trials_of(2, 3, task="paraphrase")}
    assert len(trials) == 6
    assert len({comparison_group(trial) for trial in trials.values()}) == 3
    state, scheduler = RunState(), Stopping(tune_config_of(), trials)
    for place, trial in enumerate(trials.values()):
        begin(state, trial)
        first_of_its_race = comparison_group(trial) not in {comparison_group(t) for t in list(trials.values())[:place]}
        assert (scheduler.stops(state, trial, 1, float(place)) is None) == first_of_its_race
        tell(state, trial, 1, float(place))


def test_the_metric_is_better_when_larger() -> None:
    tune_config = tune_config_of(objective="metric")
    assert objective(tune_config, 1.0, 40.0) < objective(tune_config, 0.5, 30.0) < objective(tune_config, 0.0, None)
    assert objective(tune_config_of(), 1.0, 40.0) > objective(tune_config_of(), 0.5, 30.0)


# Promotion, as plain successive halving.


def successive_halving(
    values: Mapping[tuple[str, int], float], names: Sequence[str], tune_config: TuneConfig, epochs: int
) -> dict[str, int]:
    """The epoch at which each training ends: n -> n // r -> ... Where none would pass, the best does."""
    alive, ended = list(names), {}
    for level in levels(tune_config, epochs):
        alive.sort(key=lambda name: values[name, level])
        count = max(1, len(alive) // tune_config.reduction_factor)
        ended |= dict.fromkeys(alive[count:], level)
        alive = alive[:count]
    return {**ended, **dict.fromkeys(alive, epochs)}


def promotion_ends(
    trials: Mapping[str, Trial], tune_config: TuneConfig, values: Mapping[tuple[str, int], float]
) -> dict[str, int]:
    """One worker: begins all, then promotes until there is nothing to promote."""
    state, scheduler = RunState(), Promotion(tune_config, trials)
    waiting = list(trials.values())
    while waiting or (next_one := scheduler.promote(state, False) or scheduler.promote(state, True)):
        trial = waiting.pop(0) if waiting else next_one
        assert trial is not None
        known = state.trial(trial.trial_id).known_epoch
        begin(state, trial)
        for epoch in range(known + 1, trial.epochs + 1):
            value = values[trial.trial_id, epoch]
            reason = scheduler.stops(state, trial, epoch, value)
            status = "STOPPED" if reason else "COMPLETED" if epoch == trial.epochs else None
            tell(state, trial, epoch, value, status=status, rung=epoch if reason else None)
            if status:
                break
    return {name: state.trial(name).known_epoch for name in trials}


@pytest.mark.parametrize(
    ("count", "epochs", "reduction"), [(27, 27, 3), (9, 9, 3), (16, 16, 2), (12, 9, 3), (7, 10, 3), (30, 27, 3)]
)
@pytest.mark.parametrize("seed", range(3))
def test_serial_promotion_is_successive_halving(count: int, epochs: int, reduction: int, seed: int) -> None:
    trials, tune_config = trials_of(count, epochs), tune_config_of("asha-promote", reduction=reduction)
    values = {(name, epoch): chance(seed, name, epoch) for name in trials for epoch in range(1, epochs + 1)}
    expected = successive_halving(values, list(trials), tune_config, epochs)
    assert promotion_ends(trials, tune_config, values) == expected


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_promotion_always_completes_one_trial(count: int) -> None:
    trials, tune_config = trials_of(count, 27), tune_config_of("asha-promote")
    values = {(name, epoch): chance(name, epoch) for name in trials for epoch in range(1, 28)}
    assert list(promotion_ends(trials, tune_config, values).values()).count(27) == 1


def test_next_best_trials_replace_failed_ones() -> None:
    """Two trainings, too few for a rung to give one. The better one is sent on, and diverges."""
    trials, tune_config = trials_of(2, 9), tune_config_of("asha-promote")
    state, scheduler = RunState(), Promotion(tune_config, trials)
    better, other = trials.values()
    for trial, value in ((better, 1.0), (other, 2.0)):
        begin(state, trial)
        tell(state, trial, 1, value, status="STOPPED", rung=1)
    assert scheduler.promote(state, False) is None
    assert scheduler.promote(state, True) is better
    begin(state, better)
    diverge(state, better, 2)
    assert scheduler.promote(state, True) is other


def test_every_comparison_group_completes_a_trial() -> None:
    trials, tune_config = trials_of(2, 9, seeds=3), tune_config_of("asha-promote")
    values = {(name, epoch): chance(name, epoch) for name in trials for epoch in range(1, 10)}
    full = [name for name, epoch in promotion_ends(trials, tune_config, values).items() if epoch == 9]
    assert sorted(trials[name].config.seed for name in full) == [0, 1, 2]


def test_ties_are_promoted_in_the_ledgers_order() -> None:
    trials, tune_config = trials_of(9, 3), tune_config_of("asha-promote")
    ends_at = promotion_ends(trials, tune_config, {(name, epoch): 1.0 for name in trials for epoch in (1, 2, 3)})
    assert list(ends_at.values()) == [3] * 3 + [1] * 6


# With the driver, and through kills.


@pytest.fixture(autouse=True)
def _no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """No power is lost here, and flushing a thousand lines takes half a minute."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


SPACE = '''"""A space for made-up curves."""

from sweep import Space, grid

space = Space(
    fixed={{"epochs": 9, "batch_size": 2}},
    axes={{"lora.rank": grid({ranks})}},
    decoding={{"max_new_tokens": 2}},
)
'''


@pytest.fixture
def make_run(tmp_path: Path, out: Path) -> Callable[..., RunFolder]:
    """A run of 10 trainings of 9 epochs, not begun. On the shipped data: ids, hence curves, are the same everywhere."""
    path = tmp_path / "curves.py"
    path.write_text(SPACE.format(ranks=", ".join(map(str, range(1, 11)))))

    def make(name: str, **tune_config: Any) -> RunFolder:
        return prepare(
            RunRequest(space=str(path), out=out, name=name, tune_config=TuneConfig(**tune_config))
        ).open_or_create()

    return make


def some_diverge(job: Any, epoch: int) -> float | None:
    return None if epoch == 2 and chance("lost", job.trial_id) < 0.6 else crossing(job, epoch)


def through_kills(folder: RunFolder, curve: Curve, every: int) -> RunState:
    """Sessions that die after `every` reports, until one gets to the end."""
    for _ in range(200):
        executor = trains(curve, every)
        try:
            return session(folder, executor).state
        except Killed:
            reopened = load_state(folder)
            assert rungs(reopened) == rungs(state_behind(executor))
            assert ends(reopened) == ends(state_behind(executor))
    raise AssertionError("it does not come to an end")


@pytest.mark.parametrize("every", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("curve", [crossing, some_diverge])
@pytest.mark.parametrize("tune_config", [{"scheduler": "asha"}, {"scheduler": "asha-promote", "reduction_factor": 2}])
def test_kills_do_not_change_stops_or_rungs(
    make_run: Callable[..., RunFolder], tune_config: dict[str, Any], curve: Curve, every: int
) -> None:
    whole = session(make_run("whole", **tune_config), trains(curve)).state
    killed = through_kills(make_run("killed", **tune_config), curve, every)
    assert ends(killed) == ends(whole)
    assert rungs(killed) == rungs(whole)
    statuses = {trial.status for trial in whole.trials.values()}
    assert {Status.STOPPED, Status.COMPLETED} <= statuses
    assert (Status.DIVERGED in statuses) == (curve is some_diverge)


def test_an_objective_that_is_measured_holds_through_kills(make_run: Callable[..., RunFolder]) -> None:
    tune_config = {"scheduler": "asha", "objective": "metric"}
    whole = session(make_run("whole", **tune_config), trains()).state
    assert ends(through_kills(make_run("killed", **tune_config), crossing, 2)) == ends(whole)
    by_loss = session(make_run("loss", scheduler="asha"), trains()).state
    assert ends(by_loss) == ends(whole)  # the made-up metric is the loss turned round


def test_best_trial_at_a_rung_always_continues(make_run: Callable[..., RunFolder]) -> None:
    state = session(make_run("whole", scheduler="asha"), trains(some_diverge)).state
    for level in (1, 3):
        best, _ = min(rungs(state)[level], key=lambda entry: entry[1])
        assert state.trial(best).rung != level


def test_bases_are_separate_comparison_groups() -> None:
    """Losses of bases with different vocabularies do not compare."""
    space = Space(fixed={"epochs": 3}, axes={"base": grid("tiny", "gpt2"), "lora.rank": grid(1, 2, 3)})
    groups = {comparison_group(trial) for trial in make_plan(expand(space, {}), 1).trials}
    assert len(groups) == 2
