"""What ranks the rows of a run."""

from collections.abc import Sequence

from model.suggest import did_you_mean
from model.task_specs import TASKS
from sweep.errors import SpaceError


def ranking_metric(name: str | None, tasks: Sequence[str]) -> str | None:
    """Return `name`, or None if it is the main metric of all `tasks` anyway.

    Raise SpaceError if it is neither dev_loss nor a metric that all of them have.
    """
    specs = [TASKS[task] for task in dict.fromkeys(tasks)]
    known = ["dev_loss", *(metric for metric in specs[0].metrics if all(metric in spec.metrics for spec in specs))]
    if name is not None and name not in known:
        raise SpaceError(f"metric: unknown name {name!r}: {did_you_mean(name, known)}Known: {', '.join(known)}")
    return None if all(spec.metric == name for spec in specs) else name
