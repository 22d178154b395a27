"""Which columns a report shows, and which of them it drops first on a narrow terminal."""

from collections.abc import Sequence
from itertools import chain

from model.task_specs import TASKS
from sweep.reporting.leaderboard import METRICS, Row, draw_sds, schema
from sweep.reporting.settings import informative_keys, settings_of
from sweep.reporting.time_to_target import COLUMNS

KEYS = ("rank", "status")
OPTIONAL = (  # the least informative first
    "train_seconds",
    "trainable_params",
    "train_loss",
    "best_epoch",
    "best_dev_loss",
    *METRICS[::-1],  # except for the metric that rows are ranked by
    "cached_from",
    "stop_reason",
    "note",
    "paper",
    "rung",
    "epoch",
)


def all_columns(rows: Sequence[Row]) -> list[str]:
    """Return the columns of the schema, followed by those that only this report has."""
    return list(dict.fromkeys([*schema(rows).names, *chain.from_iterable(rows)]))


def table_columns(rows: Sequence[Row]) -> list[str]:
    """Return the columns for comparing `rows` (all of a run): rank, status, varying settings, scores, cost."""
    informative = informative_keys(settings_of(rows))
    settings = [key for key in schema(rows).names if key in informative]
    budgets = ["epochs_budget"] if len({row["epochs_budget"] for row in rows}) > 1 else []
    partial = ["epoch"] if any(row.get("epoch") != row["epochs_budget"] for row in rows) else []
    tasks = dict.fromkeys(row["task"] for row in rows)
    metrics = dict.fromkeys(metric for task in tasks for metric in TASKS[task].metrics)  # tasks may share one
    given = [
        name for name in ("variant", "rung", "paper", "cached_from", "stop_reason", "note") if _is_given(rows, name)
    ]
    losses = ["dev_loss", "best_dev_loss", "best_epoch", "train_loss"]
    reached = [name for name in COLUMNS if rows and name in rows[0]]
    return [
        *KEYS,
        *(name for name in given if name == "variant"),
        *settings,
        *budgets,
        *partial,
        *(name for name in given if name == "rung"),
        *metrics,
        *draw_sds(rows),
        *(name for name in given if name == "paper"),
        *losses,
        "trainable_params",
        "train_seconds",
        *reached,
        *(name for name in given if name in ("cached_from", "stop_reason", "note")),
    ]


def droppable(names: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """Return those of `names` that a narrow terminal may drop, in the order of dropping."""
    ranked_by = {row["metric"] for row in rows}
    return [name for name in (*draw_sds(rows), *OPTIONAL) if name in names and name not in ranked_by]


def _is_given(rows: Sequence[Row], name: str) -> bool:
    return any(row.get(name) not in (None, 0, "") for row in rows)
