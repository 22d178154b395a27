"""The paper's published scores, shown beside ours: one table of the paper in each `results/published/<space>.csv`.

The setting columns of a row identify the points of the shipped space that it applies to; an empty cell means off. If
the paper leaves a setting open, or prints two scores for one setting, the best score is used.
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

IGNORED = ("base", "revision", "data", "seed", "decode.repeats")  # settings that are not compared with the paper's


@dataclass(frozen=True)
class PaperScore:
    """A score of the paper, and a note on it."""

    score: float | None
    note: str | None


def with_paper(rows: Sequence[Row], space: str) -> list[Row]:
    """Return `rows`, of a run of `space`, with the columns `paper` and `paper_note` if the paper has scores."""
    scores = paper_scores(space)
    if not scores:
        return list(rows)
    found = (scores.get(_key(json.loads(row["config_json"])), PaperScore(None, None)) for row in rows)
    return [{**row, "paper": one.score, "paper_note": one.note} for row, one in zip(rows, found, strict=True)]


def paper_scores(space: str) -> dict[str, PaperScore]:
    """Return the paper's scores for the shipped `space`, by the settings of their points without IGNORED."""
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
    return repr(sorted((key, value) for key, value in settings.items() if key not in IGNORED))


def _is_of(row: Mapping[str, str], point: Point) -> bool:
    keys: Mapping[str, Any] = {**train_keys(), **decode_keys()}
    return all(_equal(text, point.settings.get(key)) for key, text in row.items() if key in keys)


def _equal(text: str, value: Scalar) -> bool:
    if value is None or text == "":
        return value is None and text == ""
    return text == value if isinstance(value, str) else float(text) == value
