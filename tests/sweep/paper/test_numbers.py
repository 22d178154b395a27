"""Numbers of a paper: their digits, and that each macro is what the ledger says."""

import json
import math
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from model.tasks import find_data
from sweep.paper.numbers import Numbers, digits_for, fixed, inline, interval, p_inline
from sweep.planning.plan import point_from
from sweep.reporting.verdicts.groups import summarize
from sweep.statistics.luck import luck_line
from sweep.statistics.tied import tied_with_best
from tests.sweep.paper.conftest import REFERENCE, RUNS

MACRO = re.compile(r"\\newcommand\{\\([A-Za-z]+)\}\{(.*)\}")


def test_two_digits_of_the_interval_are_shown() -> None:
    assert digits_for([summarize([40.0, 40.3, 40.6])]) == 2
    assert digits_for([summarize([0.8660, 0.8661])]) == 4
    assert digits_for([summarize([40.0])]) == 2
    assert digits_for([summarize([0.7])]) == 3


def test_numbers_in_text() -> None:
    assert [fixed(-0.001, 2), inline(-0.65, 2), inline(3e9, 2)] == ["0.00", r"\ensuremath{-0.65}", r"\num{3.00e+09}"]
    assert interval(-0.19, 0.2, 1) == "$[-0.2, 0.2]$"
    assert [p_inline(p) for p in (None, 0.00001, 0.00052, 0.0231, 0.5)] == [
        "--",
        "$<0.0001$",
        "0.0005",
        "0.023",
        "0.50",
    ]


def test_equal_names_of_different_numbers_are_told_apart() -> None:
    numbers = Numbers()
    assert numbers.add("ASeeds", "6", "seeds of a") == numbers.add("ASeeds", "6", "seeds of a") == r"\ASeeds{}"
    assert numbers.add("ASeeds", "7", "seeds of A") == r"\ASeedsB{}"
    assert numbers.tex().endswith("% seeds of A\n\\newcommand{\\ASeedsB}{7}")


class Ledgers:
    """The ledgers and definitions of the reference runs, read with nothing but json."""

    def __init__(self) -> None:
        self.scores: dict[str, dict[str, float]] = {}  # by point
        self.settings: dict[str, dict[str, Any]] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.columns: dict[str, list[dict[str, Any]]] = {}  # settings with defaults, by run
        self.trials: dict[str, set[str]] = {}  # that finished an epoch, by run
        for name in RUNS:
            self.runs[name] = json.loads((REFERENCE / name / "run.json").read_bytes())
            self.settings |= self.runs[name]["points"]
            self.columns[name] = [dict(point_from(one).columns) for one in self.runs[name]["points"].values()]
            self.trials[name] = set()
            for line in (REFERENCE / name / "ledger.jsonl").read_text(encoding="utf-8").splitlines():
                event = json.loads(line)
                if event["event"] == "epoch" and event["epoch"] > 0:
                    self.trials[name].add(event["trial_id"])
                for score in event.get("scores", ()):
                    self.scores[score["point_id"]] = score["metrics"]

    def values(self, metric: str, points: Sequence[str]) -> list[float]:
        return [self.scores[point][metric] for point in points]

    def configuration(self, point: str) -> str:
        return json.dumps({key: value for key, value in self.settings[point].items() if key != "seed"}, sort_keys=True)

    def matrix(self, metric: str, points: Sequence[str]) -> Any:
        """The scores of points by configuration and seed."""
        rows: dict[str, dict[int, float]] = {}
        for point in points:
            rows.setdefault(self.configuration(point), {})[self.settings[point]["seed"]] = self.scores[point][metric]
        return np.array([[row[seed] for seed in sorted(row)] for row in rows.values()])

    def sizes(self, run: str, split: str) -> set[int]:
        return {size(one["task"], one.get("data"), split) for one in self.columns[run]}


@cache
def size(task: str, data: str | None, split: str) -> int:
    return find_data(task, data).size(split)


@pytest.fixture(scope="module")
def ledgers() -> Ledgers:
    return Ledgers()


def macros(paper: Path) -> list[tuple[str, str, str]]:
    """The name, value and trace of every macro."""
    found, trace = [], []
    for line in (paper / "numbers.tex").read_text(encoding="utf-8").splitlines():
        if line.startswith("% "):
            trace.append(line[2:])
        elif (macro := MACRO.fullmatch(line)) is not None:
            found.append((macro[1], macro[2], " ".join(trace)))
            trace = []
        else:
            assert line == ""
            trace = []
    return found


def half(values: Sequence[float]) -> float:
    return float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values)))


def of_points(ledgers: Ledgers, what: str, points: Sequence[str], other: Sequence[str]) -> Any:
    """What `what` is, from the scores of `points` less those of `other`."""
    metric = next((one for one in ("chrf", "accuracy") if one in what), "chrf")
    end = {"lower": -1, "upper": 1}.get(what.partition(" ")[0], 0)

    def values() -> Any:
        less = np.array(ledgers.values(metric, other)) if other else 0.0
        return np.array(ledgers.values(metric, points)) - less

    computed: dict[str, Callable[[], Any]] = {
        "number of configurations of": lambda: len(set(map(ledgers.configuration, points))),
        "number of configurations beside": lambda: len(set(map(ledgers.configuration, points))) - 1,
        "number of configurations tied": lambda: tied_with_best(ledgers.matrix("chrf", points)).sum() - 1,
        "number of seeds": lambda: len({ledgers.settings[point]["seed"] for point in points}),
        "mean best": lambda: luck_line(ledgers.matrix(metric, points)).expected,
        "p that luck": lambda: luck_line(ledgers.matrix("chrf", points)).p,
        "p of the mean difference": lambda: stats.ttest_1samp(values(), 0).pvalue,
        "mean": lambda: values().mean(),
        "lower end of the 95 % interval": lambda: values().mean() + end * half(values()),
        "upper end of the 95 % interval": lambda: values().mean() + end * half(values()),
    }
    return next(compute() for start, compute in computed.items() if what.startswith(start))


def of_run(ledgers: Ledgers, what: str, run: str) -> set[Any]:
    """The values that `what` may have in a run."""
    points = ledgers.columns[run]
    if what.startswith("setting "):
        return {
            one[what.removeprefix("setting ")] for one in points if one.get(what.removeprefix("setting ")) is not None
        }
    if what.endswith(" examples"):
        return ledgers.sizes(run, what.partition(" ")[0])
    return {
        "number of configurations": {len(set(map(ledgers.configuration, ledgers.runs[run]["points"])))},
        "number of seeds": {len({one["seed"] for one in points})},
        "number of trained trials": {len(ledgers.trials[run])},
        "number of epochs": {one["epochs"] for one in points},
        "number of draws behind each score": {one.get("decode.repeats") for one in points},
        "threads per trial": {ledgers.runs[run]["provenance"]["threads"]},
        "optimizer steps per epoch": {
            math.ceil(size / one["batch_size"]) for one in points for size in ledgers.sizes(run, "train")
        },
    }[what]


def number(text: str) -> float:
    """The number that a macro prints."""
    return float(re.sub(r"\\ensuremath|\\num|[{}$<,]", "", text))


def agrees(value: str, expected: Any) -> bool:
    """Whether a macro prints `expected`, rounded to its digits."""
    if isinstance(expected, str):
        return value == expected
    if "<" in value:
        return bool(expected < number(value))
    digits = len(value.partition(".")[2].rstrip("}$"))
    return bool(abs(number(value) - expected) <= (1e-9 * expected if "e-" in value else 0.5000001 * 10**-digits))


def test_every_macro_is_what_the_ledger_says(paper: Path, ledgers: Ledgers) -> None:
    found = macros(paper)
    assert len(found) > 90
    for name, value, trace in found:
        what, colon, ids = trace.partition(": ")
        if colon:
            points, _, other = ids.partition(" less points ")
            expected = [of_points(ledgers, what, points.split(), other.split())]
        else:
            what, _, run = trace.rpartition(" of the run ")
            expected = list(of_run(ledgers, what, run))
        assert any(agrees(value, one) for one in expected), (name, value, trace, expected)


def test_text_uses_macros_that_exist_and_each_macro_is_used(paper: Path) -> None:
    names = [name for name, *_ in macros(paper)]
    assert len(names) == len(set(names))
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in (paper / "methods.tex", *(paper / "results").glob("*.tex"))
    )
    used = set(re.findall(r"\\([A-Z][A-Za-z]+)\{\}", text))
    assert used == set(names)
    assert {"LoraRankBestScore", "CombinationsSeeds", "SentimentReviewsBestScore"} <= used
