"""The generated texts and predictions that a page shows beside the true ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweep.charts.source import Source
from sweep.planning.plan import Point
from sweep.reporting.leaderboard import Row, samples_of
from sweep.reporting.numbers import plain_text
from sweep.reporting.verdicts.groups import Group
from sweep.store.state import full_plan

CONFIGURATIONS = 4  # of each set: the best ones and the last one
EXAMPLES = 20
LENGTH = 1_200  # characters; longer texts are cut
GIVEN = ("prompt", "sentence", "sentence1", "sentence2", "text")  # what a model is given
TRUE = ("reference", "label")
MADE = ("generated", "predicted")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One example with what one configuration made of it."""

    configuration: str
    example: int
    given: str
    true: str
    made: str
    scores: str  # such as "chrf 41.2"
    is_wrong: bool | None  # whether a prediction is wrong; None for texts


@dataclass(frozen=True, kw_only=True)
class Texts:
    """Samples of some configurations."""

    samples: Sequence[Sample]
    configurations: Sequence[str]
    note: str


def texts(sources: Sequence[Source]) -> Texts | None:
    """Return samples of the best configurations and the last one of each set; None if there are none."""
    found = [sample for source in sources for sample in _samples(source)]
    if not found:
        return None
    return Texts(
        samples=found,
        configurations=list(dict.fromkeys(sample.configuration for sample in found)),
        note=f"The first {EXAMPLES} examples of the dev split at most, with one seed and one draw for each "
        f"configuration; `sweep samples {sources[0].folder.name}` shows the others.",
    )


def _samples(source: Source) -> list[Sample]:
    """Return the samples of one set, example by example: first seed, first draw."""
    standings = [one for one in source.standings().settings if one.rank is not None]
    chosen = [*standings[: CONFIGURATIONS - 1], *standings[CONFIGURATIONS - 1 :][-1:]]
    points = {point.point_id: point for point in full_plan(source.folder.spec, source.state).points}
    found: list[Sample] = []
    for one in chosen:
        row = _first_scored(one.group)
        if row is not None and (raw := samples_of(source.state, points[row["point_id"]])):
            name = source.titled(f"{source.name_of(one.group)}, rank {one.rank}")
            classes = _classes(source, points[row["point_id"]])
            found += [_sample(name, sample, classes) for sample in _first_draws(raw)]
    return sorted(found, key=lambda sample: sample.example)


def _first_scored(group: Group) -> Row | None:
    return next((row for row in group.rows if row["status"].is_complete), None)


def _first_draws(raw: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [one for one in raw if not one.get("draw")][:EXAMPLES]


def _classes(source: Source, point: Point) -> Sequence[str]:
    """Return the names of the classes of a user's own data; empty for others."""
    about = source.folder.spec.provenance.dataset(point).about or {}
    return list(about.get("classes") or ())


def _sample(configuration: str, sample: Mapping[str, Any], classes: Sequence[str]) -> Sample:
    predicted = sample.get("predicted")
    scores = [
        f"{name} {plain_text(value, 1 if abs(value) >= 10 else 3)}"
        for name, value in sample.items()
        if isinstance(value, float)
    ]
    return Sample(
        configuration=configuration,
        example=int(sample.get("example") or 0),
        given=" / ".join(_cut(str(sample[name])) for name in GIVEN if sample.get(name) is not None),
        true=_first_of(sample, TRUE, classes),
        made=_first_of(sample, MADE, classes),
        scores=", ".join(scores),
        is_wrong=None if predicted is None else predicted != sample.get("label"),
    )


def _first_of(sample: Mapping[str, Any], names: Sequence[str], classes: Sequence[str]) -> str:
    """Return the first of `names` that a sample has; for the number of a class, its name, too."""
    found = next((sample[name] for name in names if sample.get(name) is not None), "")
    if isinstance(found, int) and 0 <= found < len(classes):
        return _cut(f"{classes[found]} (class {found})")
    return _cut(str(found))


def _cut(text: str) -> str:
    return text if len(text) <= LENGTH else f"{text[:LENGTH]} …"
