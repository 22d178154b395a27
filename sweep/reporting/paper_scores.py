"""The paper's own scores, to stand beside ours: `results/published/<space>.csv`, one table of the paper each.

A row's setting columns say which points of the shipped space it is of; an empty cell means off. Where the paper leaves
a setting open, or prints two scores for one setting, the best is taken.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.settings import Scalar
from model.task_specs import TASKS
from sweep.planning.flat import decode_keys, train_keys
from sweep.planning.plan import Point, make_plan
from sweep.planning.registry import load_space
from sweep.planning.shipped import published_scores, shipped_spaces
from sweep.planning.space import expand
from sweep.reporting.leaderboard import Row

OWN = ("base", "revision", "data", "seed")  # what the paper does not share with a run, and its scores do not tell apart


@dataclass(frozen=True)
class PaperScore:
    """A score of the paper, and what there is to say of it."""

    score: float | None
    note: str | None


def with_paper(rows: Sequence[Row], space: str) -> list[Row]:
    """`rows` of a run of `space`, with the paper's score as `paper` and a note on it, where it has any."""
    scores = paper_scores(space)
    if not scores:
        return list(rows)
    found = (scores.get(_key(json.loads(row["config_json"])), PaperScore(None, None)) for row in rows)
    return [{**row, "paper": one.score, "paper_note": one.note} for row, one in zip(rows, found, strict=True)]


def paper_scores(space: str) -> dict[str, PaperScore]:
    """The paper's score of each point of the shipped `space` that it has one for, by what the paper tells apart."""
    tables = {path.stem: path for path in published_scores().glob("*.csv")}
    files = {path.stem: path for path in shipped_spaces().glob("*.py")}
    if space not in tables or space not in files:
        return {}
    with tables[space].open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    scores: dict[str, PaperScore] = {}
    for point in make_plan(expand(load_space(str(files[space])).space, {}), seeds=1).points:
        metric = TASKS[point.train.task].metric
        if matching := [row for row in table if _is_of(row, point)]:
            best = max(matching, key=lambda row: float(row[metric]))
            note = f"{best['method']}: {best['note']}" if best.get("note") else None
            scores[_key(point.settings)] = PaperScore(float(best[metric]), note)
    return scores


def _key(settings: Mapping[str, Scalar]) -> str:
    return repr(sorted((key, value) for key, value in settings.items() if key not in OWN))


def _is_of(row: Mapping[str, str], point: Point) -> bool:
    keys: Mapping[str, Any] = {**train_keys(), **decode_keys()}
    return all(_equal(text, point.settings.get(key)) for key, text in row.items() if key in keys)


def _equal(text: str, value: Scalar) -> bool:
    if value is None or text == "":
        return value is None and text == ""
    return text == value if isinstance(value, str) else float(text) == value
