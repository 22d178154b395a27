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


@dataclass(frozen=True, kw_only=True)
class PaperCell:
    """A cell of a table of the paper, and the points of the shipped space that it applies to."""

    method: str | None  # its name in the table, if it has one
    settings: Mapping[str, Scalar]  # those that the table gives, by dotted key
    published: PaperScore
    metric: str
    points: tuple[Point, ...]  # several where the table leaves a setting open


def with_paper(rows: Sequence[Row], space: str) -> list[Row]:
    """Return `rows`, of a run of `space`, with the columns `paper` and `paper_note` if the paper has scores."""
    scores = paper_scores(space)
    if not scores:
        return list(rows)
    found = (scores.get(cell_key(json.loads(row["config_json"])), PaperScore(None, None)) for row in rows)
    return [{**row, "paper": one.score, "paper_note": one.note} for row, one in zip(rows, found, strict=True)]


def paper_scores(space: str) -> dict[str, PaperScore]:
    """Return the paper's scores for the shipped `space`, by the settings of their points without IGNORED."""
    return {cell_key(point.settings): cell.published for cell in paper_cells(space) for point in cell.points}


def paper_cells(space: str) -> list[PaperCell]:
    """Return the cells of the paper's table for the shipped `space`, in its order; none if it has no table."""
    tables = {path.stem: path for path in published_scores().glob("*.csv")}
    files = {path.stem: path for path in shipped_spaces().glob("*.py")}
    if space not in tables or space not in files:
        return []
    with tables[space].open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    points = make_plan(expand(load_space(str(files[space])).space, {}), seeds=1).points
    metric = TASKS[points[0].train.task].metric
    members: dict[int, list[Point]] = {}
    for point in points:
        matching = [number for number, row in enumerate(table) if _is_of(row, point)]
        if matching:
            members.setdefault(max(matching, key=lambda number: float(table[number][metric])), []).append(point)
    return [_cell(table[number], metric, members[number]) for number in sorted(members)]


def _cell(row: Mapping[str, str], metric: str, points: Sequence[Point]) -> PaperCell:
    keys: Mapping[str, Any] = {**train_keys(), **decode_keys()}
    note = f"{row['method']}: {row['note']}" if row.get("note") else None
    return PaperCell(
        method=row.get("method"),
        settings={key: points[0].settings.get(key) for key, text in row.items() if key in keys and text},
        published=PaperScore(float(row[metric]), note),
        metric=metric,
        points=tuple(points),
    )


def cell_key(settings: Mapping[str, Scalar], *also: str) -> str:
    """Return the settings that identify a cell of the paper: all but IGNORED and `also`."""
    return repr(sorted((key, value) for key, value in settings.items() if key not in (*IGNORED, *also)))


def _is_of(row: Mapping[str, str], point: Point) -> bool:
    keys: Mapping[str, Any] = {**train_keys(), **decode_keys()}
    return all(_equal(text, point.settings.get(key)) for key, text in row.items() if key in keys)


def _equal(text: str, value: Scalar) -> bool:
    if value is None or text == "":
        return value is None and text == ""
    return text == value if isinstance(value, str) else float(text) == value
