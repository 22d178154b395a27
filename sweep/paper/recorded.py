"""What was recorded of a run's data, training and search, for the methods paragraph and the checklist."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.data_settings import DataSettings
from model.errors import DataError
from model.tasks import find_data
from model.tasks.draws import SD_SUFFIX
from sweep.paper.source import PaperRun
from sweep.planning.axes import Axis, Range
from sweep.planning.plan import Point, is_scoring
from sweep.planning.sources import Source
from sweep.reporting.settings import varying_keys
from sweep.store.state import find_result, full_plan

SPLITS = ("train", "dev", "test")
ON_HUB = ("qqp", "sst5")  # names of data that are downloaded
NAMED = ("task", "data", "base", "revision", "seed")  # settings that a paper names outside the list of settings


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A data set of a run."""

    task: str
    name: str | None  # as the run names it, of a path only the last part; None: the set that ships with the tool
    source: Source
    sizes: Mapping[str, int]  # examples by split; empty if they were not recorded

    @property
    def train(self) -> int | None:
        return self.sizes.get("train")


def data_sets(run: PaperRun) -> list[DataSet]:
    """Return the data sets of a run's points.

    Sizes are those that the run recorded, or those of files that are still here and have the recorded SHA-256.
    """
    found: dict[str, DataSet] = {}
    for point in full_plan(run.spec, run.state).points:
        source = run.spec.provenance.dataset(point)
        if source.sha256 not in found:
            train = point.train
            name = Path(source.place).name if source.place is not None else train.data
            found[source.sha256] = DataSet(task=train.task, name=name, source=source, sizes=_sizes(point, source))
    return list(found.values())


def _sizes(point: Point, source: Source) -> dict[str, int]:
    if source.about is not None and "sizes" in source.about:
        return {split: size for split, size in source.about["sizes"].items() if split in SPLITS}
    name = source.place or point.train.data
    if name in ON_HUB or source.revision is not None:
        return {}
    try:
        data = find_data(point.train.task, name, point.train.data_settings)
        digest = getattr(data, "digest", data.sha256)  # which logs nothing
        is_same = all(path.is_file() for path in data.files.values()) and digest() == source.sha256
        return {split: size for split in SPLITS if (size := data.size(split))} if is_same else {}
    except (DataError, OSError, ImportError):
        return {}


def steps_per_epoch(point: Point, sizes: Mapping[str, int]) -> int | None:
    """Return the optimizer steps of an epoch; None if the size of the training split was not recorded."""
    size = sizes.get("train")
    return None if size is None else math.ceil(size / point.train.batch_size)


def base_names(run: PaperRun) -> list[str]:
    """Return the names of the bases, of a path only its last part."""
    places = {name: source.place for name, source in run.spec.provenance.bases.items()}
    return [Path(place).name if place else name.partition("@")[0] for name, place in places.items()]


def seeds_of(run: PaperRun) -> list[int]:
    return sorted({row["seed"] for row in run.rows})


def draws_of(run: PaperRun) -> int:
    """Return the largest number of draws that a score is the mean of; 1 where nothing is drawn again."""
    return max(int(row.get("decode.repeats") or 1) for row in run.rows)


def has_draws(run: PaperRun) -> bool:
    return any(name.endswith(SD_SUFFIX) for row in run.rows for name in row)


def trained_trials(run: PaperRun) -> list[Point]:
    """Return a point of each trial that trained for at least one epoch."""
    trials = full_plan(run.spec, run.state).trials
    return [trial.points[0] for trial in trials if run.state.trial(trial.trial_id).known_epoch]


def seconds_of(run: PaperRun) -> float:
    """Return the seconds that all trials of a run trained, and all points were scored."""
    trials = full_plan(run.spec, run.state).trials
    latest = (run.state.trial(trial.trial_id).latest for trial in trials)
    trained = sum(record.losses.train_seconds for record in latest if record is not None)
    points = full_plan(run.spec, run.state).points
    results = (find_result(run.state, point) for point in points)
    return trained + sum(result.decode_seconds or 0.0 for result in results if result is not None)


def shown_keys(run: PaperRun) -> list[str]:
    """Return the settings that tell the configurations of a run apart, and others that take several values.

    A setting that is the same wherever it is on is left out, if another one says where that is.
    """
    settings = [group.settings for group in run.study.groups]
    several = [
        key for key in varying_keys(settings) if len({one[key] for one in settings if one.get(key) is not None}) > 1
    ]
    return [key for key in varying_keys(settings) if key in run.study.varying or key in several]


def searched(run: PaperRun) -> dict[str, list[Any] | Range]:
    """Return the values that each setting takes in a run, or the range that a search draws it from, by dotted key."""
    space = run.spec.search_space
    settings = [point.settings for point in full_plan(run.spec, run.state).points]
    found: dict[str, list[Any] | Range] = {}
    for key in shown_keys(run):
        axes: set[Axis] = {branch.axes[key] for branch in space.branches if key in branch.axes} if space else set()
        axis = axes.pop() if len(axes) == 1 else None
        seen = {one.get(key) for one in settings}
        found[key] = axis if isinstance(axis, Range) else sorted(seen, key=_order)
    return found


def constants(run: PaperRun, *, scoring: bool) -> dict[str, Any]:
    """Return the settings of scoring or of training that are the same wherever they are on, by dotted key."""
    every = [point.columns for point in full_plan(run.spec, run.state).points]
    hidden = {*NAMED, "epochs", "decode.repeats", *shown_keys(run)}
    keys = [
        key
        for key in dict.fromkeys(key for one in every for key in one)
        if is_scoring(key) == scoring and key not in hidden and not key.startswith(DataSettings.prefix)
    ]
    values = {key: {one[key] for one in every if one.get(key) is not None} for key in keys}
    return {key: found.pop() for key, found in values.items() if len(found) == 1}


def _order(value: Any) -> tuple[bool, float, str]:
    is_number = isinstance(value, int | float)
    return value is None, float(value) if is_number else 0.0, "" if is_number else str(value)
