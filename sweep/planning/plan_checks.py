"""Checks of the points of a run that need to know all of them, or their data."""

import logging
from collections.abc import Sequence

from model.errors import SettingError
from model.optim.registry import OPTIMIZERS
from model.precision import check_precision
from model.task_specs import TASKS
from model.tasks import find_data
from sweep.errors import SpaceError
from sweep.planning.config import TuneConfig
from sweep.planning.machine import BF16
from sweep.planning.plan import Plan, Point
from sweep.planning.provenance import Provenance
from sweep.planning.sources import data_name

log = logging.getLogger(__name__)


def check_comparable(points: Sequence[Point], tune_config: TuneConfig) -> None:
    """Raise SpaceError if a search would learn from scores that cannot be compared, as those of different tasks."""
    name_of = {"task": lambda point: point.train.task, "data": data_name}
    if tune_config.objective == "dev_loss":  # it depends on the vocabulary
        name_of["base"] = lambda point: point.train.base
    for setting, name in name_of.items():
        values = dict.fromkeys(map(name, points))
        if len(values) > 1:
            raise SpaceError(
                f"--search {tune_config.search}: the space has several values of {setting} ({', '.join(values)}), and "
                f"their {tune_config.objective} cannot be compared; use --search random, or one run for each"
            )


def check_objective(points: Sequence[Point], tune_config: TuneConfig) -> None:
    """Raise SpaceError if rungs or a search would compare a metric where the task is ranked by its dev loss."""
    for task in dict.fromkeys(point.train.task for point in points):
        if tune_config.objective == "metric" and TASKS[task].metric == "dev_loss":
            raise SpaceError(f"--objective metric: task {task} is ranked by its dev loss; omit it")


def check_updates(points: Sequence[Point]) -> None:
    """Raise SpaceError if a trial would not update a weight. Only optimizers with idle steps need the data's size."""
    sizes: dict[str, int] = {}
    for trial in Plan(tuple(points)).trials:
        train, name = trial.config, data_name(trial.points[0])
        if OPTIMIZERS[train.optimizer].idle_steps:
            if name not in sizes:
                sizes[name] = find_data(train.task, train.data, train.data_settings).size("train")
            try:
                train.check_updates(sizes[name])
            except SettingError as error:
                raise SpaceError(str(error)) from None


def check_precisions(points: Sequence[Point], provenance: Provenance, gpu: bool) -> None:
    """Raise SpaceError if the trials' device cannot compute in the precision of a point. Log if it emulates it."""
    precisions = dict.fromkeys(point.train.precision for point in points)
    if "bf16" in precisions and BF16 not in provenance.versions:
        log.warning("precision bf16: this device has no instructions for it, so it is slower than fp32; consider auto")
    for precision in precisions:
        try:
            check_precision(precision, "cuda" if gpu else "cpu")
        except SettingError as error:
            raise SpaceError(str(error)) from None


def check_distinct(plan: Plan, provenance: Provenance) -> None:
    """Raise SpaceError if two points differ only in the spelling of their base or data."""
    seen: dict[str, Point] = {}
    for point in plan.points:
        other = seen.setdefault(provenance.key(point), point)
        if other is not point:
            one, two = (f"base {each.train.base}, data {each.train.data}" for each in (other, point))
            raise SpaceError(f"duplicate point: {one} and {two} have the same content; remove one of them")
