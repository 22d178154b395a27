"""Runs that follow from another one: settle a comparison with more seeds, or confirm the best settings."""

import itertools
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from model.task_specs import TASKS
from model.tasks import find_data
from sweep.errors import RunError
from sweep.planning.config import TuneConfig
from sweep.planning.follow_up import ConfirmConfig, SettleConfig
from sweep.planning.plan import Plan, Point, point_from
from sweep.prepare import prepare_resume
from sweep.reporting.leaderboard import Row, larger_is_better, load_rows
from sweep.reporting.verdicts.groups import Group, comparable, groups_of, matrix
from sweep.reporting.verdicts.scored import ScoreTable, from_rows
from sweep.reporting.verdicts.sides import Side, two_sides
from sweep.reporting.verdicts.standings import Standing, standings
from sweep.statistics.errors import StatisticsError
from sweep.statistics.sequential import FIRST_LOOK
from sweep.statistics.shrinkage import shrinkage
from sweep.store.activity import is_unfinished
from sweep.store.events import ConfirmedEvent
from sweep.store.ledger import Ledger
from sweep.store.run_folder import RUN_FILE, RunFolder, create_run
from sweep.store.run_spec import RunSpec
from sweep.store.state import full_plan, load_state


def settle_run(
    folder: RunFolder,
    versus: str,
    *,
    metric: str | None = None,
    alpha: float = 0.05,
    max_seeds: int = 14,
    margin: float | None = None,
    name: str | None = None,
    address: str | None = None,
) -> RunFolder:
    """Return the run that adds seeds to the comparison "A vs B" of settings of the run in `folder`.

    The same call returns the same run. Raise RunError if a side is not exactly one setting of the run.
    """
    if max_seeds < FIRST_LOOK:
        raise RunError(f"--max-seeds {max_seeds}: a comparison needs at least {FIRST_LOOK} seeds")
    rows = load_rows(folder)
    table = from_rows(rows, metric)
    one, other = two_sides(table, versus)
    config = SettleConfig(
        run=folder.name,
        names=(one.name, other.name),
        settings=(_only_setting(table, one), _only_setting(table, other)),
        variants=(_variant(table, one), _variant(table, other)),
        metric=table.metric,
        larger_is_better=table.larger_is_better,
        first_seed=min(row["seed"] for row in rows),
        max_seeds=max_seeds,
        alpha=alpha,
        margin=margin,
    )
    if config.settings[0] == config.settings[1]:
        raise RunError(f"{versus!r} names the same configuration twice")
    spec = replace(_spec(folder, max_seeds, address), plan=Plan(()), settle=config, confirm=None)
    return _open_or_create(folder, spec, name or f"{folder.name}-settle")


def confirm_run(
    folder: RunFolder,
    *,
    top: int = 3,
    seeds: int = 6,
    again: bool = False,
    name: str | None = None,
    address: str | None = None,
) -> RunFolder:
    """Return a run of the `top` settings of `folder` with fresh seeds, which also scores the test split.

    The confirmation is recorded in `folder`. If there is one already, return it; with `again`, once it is finished,
    make another one with other seeds. Raise RunError if no setting has a score, or the data has no test split.
    """
    state = load_state(folder)
    last = _last_confirmation(folder)
    if last is not None and not (again and not is_unfinished(last, load_state(last))):
        return last
    rows = load_rows(folder)
    best = max(comparable(groups_of(rows)), key=len, default=[])
    found = standings(best, _test_metric(best[0].first)) if best else None
    chosen = [one for one in (found.settings if found else ()) if one.rank is not None][:top]
    if found is None or not chosen:
        raise RunError(f"run {folder.name!r} has no finished configuration to confirm")
    first = _first_fresh_seed(folder, rows)
    points = [
        point_from({**one.group.settings, "seed": first + place}, one.group.variant)
        for place in range(seeds)
        for one in chosen
    ]
    _check_test_split(points[0])
    predicted, is_complete = _predictions(best, chosen, found.metric)
    config = ConfirmConfig(
        run=folder.name,
        metric=found.metric,
        scores={one.group.setting_id: float(one.summary.mean or 0.0) for one in chosen},
        predicted=predicted,
        earlier=len(state.confirmations),
        is_complete=is_complete,
    )
    spec = replace(_spec(folder, seeds, address), plan=Plan(tuple(points)), settle=None, confirm=config)
    made = _open_or_create(folder, spec, name or f"{folder.name}-confirm")
    with folder.lock(), closing(Ledger(folder.ledger)) as ledger:
        ledger.append(ConfirmedEvent(run=made.name, settings=list(config.scores)))
    return made


def _spec(folder: RunFolder, seeds: int, address: str | None) -> RunSpec:
    """Return the definition of a run like that in `folder`, as a grid, as of now."""
    return replace(
        prepare_resume(folder, address=address),
        tune_config=TuneConfig(seeds=seeds),
        search_space=None,
        created_at=datetime.now(UTC).isoformat(),
    )


def _open_or_create(parent: RunFolder, spec: RunSpec, stem: str) -> RunFolder:
    """Return the run of an equal definition, or a new one, numbered if the name is taken."""
    out, source = parent.path.parent, (parent.path / "space.py").read_text(encoding="utf-8")
    for number in itertools.count(1):
        name = stem if number == 1 else f"{stem}-{number}"
        if not (out / name).exists():
            return create_run(out, name, spec, source)
        if (out / name / RUN_FILE).is_file() and RunFolder(out / name).spec.content_id == spec.content_id:
            return RunFolder(out / name)
    raise AssertionError("unreachable: numbers do not end")


def _only_setting(table: ScoreTable, side: Side) -> dict[str, Any]:
    """Return the canonical settings of a side that is one setting. Raise RunError if it is several."""
    if len(side.cells) != 1:
        raise RunError(
            f"{side.name!r} stands for {len(side.cells)} configurations; select one by its variant or settings, "
            f"as in {' '.join(f'{key}=...' for key in table.varying())!r}"
        )
    settings = next(one.labels for one in table.scored if side.holds(one))
    return {key: value for key, value in settings.items() if key not in ("variant", "run")}


def _variant(table: ScoreTable, side: Side) -> str | None:
    """Return the name of the variant of a side that is one setting."""
    name: str | None = next(one.labels.get("variant") for one in table.scored if side.holds(one))
    return name


def _last_confirmation(folder: RunFolder) -> RunFolder | None:
    for event in reversed(load_state(folder).confirmations):
        run = RunFolder(folder.path.parent / event.run)
        if (run.path / RUN_FILE).is_file():
            return run
    return None


def _test_metric(row: Row) -> str:
    """Return the metric that settings are chosen by: the row's, or the task's first one if that is the dev loss.

    The test split has no dev loss.
    """
    metric: str = row["metric"]
    return TASKS[row["task"]].metrics[0] if metric == "dev_loss" else metric


def _check_test_split(point: Point) -> None:
    data = find_data(point.train.task, point.train.data, point.train.data_settings)
    if data.size("test") == 0:
        raise RunError(
            f"the data of this run ({point.train.data or point.train.task}) has no labelled test split: add one, and "
            "start a new run"
        )


def _first_fresh_seed(folder: RunFolder, rows: list[Row]) -> int:
    """Return the first seed that neither the run nor an earlier confirmation has used."""
    used: list[int] = [row["seed"] for row in rows]
    for event in load_state(folder).confirmations:
        run = RunFolder(folder.path.parent / event.run)
        if (run.path / RUN_FILE).is_file():
            used += [point.train.seed for point in full_plan(run.spec, load_state(run)).points]
    return max(used) + 1


def _predictions(groups: list[Group], chosen: list[Standing], metric: str) -> tuple[dict[str, float], bool]:
    """Return the score to expect of each chosen setting, and whether it could be predicted."""
    sign = 1.0 if larger_is_better(metric) else -1.0
    scores = {one.group.setting_id: float(one.summary.mean or 0.0) for one in chosen}
    table = matrix([group.scores(metric) for group in groups], metric)
    try:
        model = shrinkage(table[~np.isnan(table).any(axis=1)])
    except StatisticsError:
        return scores, False
    return {name: sign * model.predict(sign * score) for name, score in scores.items()}, True
