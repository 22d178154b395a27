"""The samples of two points on the same examples, as text for a terminal."""

from collections.abc import Iterator

from sweep.errors import RunError, UsageError
from sweep.reporting.inspect.samples import (
    example_scores,
    generates,
    is_right,
    of_example,
    sample_metric,
    scored_samples,
    texts_of,
    with_text,
)
from sweep.reporting.inspect.samples_text import sample_line
from sweep.reporting.inspect.shown_point import Sample, ShownPoint
from sweep.reporting.inspect.text import INDENT
from sweep.reporting.inspect.word_diff import word_diff
from sweep.reporting.leaderboard import ranking_group
from sweep.reporting.printable import printable

ORIGIN = slice(0, 3)  # task, data and their settings in a ranking group


def same_examples(one: ShownPoint, other: ShownPoint) -> bool:
    """Return whether two points were scored on the same examples."""
    return bool(ranking_group(one.row)[ORIGIN] == ranking_group(other.row)[ORIGIN])


def against_text(one: ShownPoint, other: ShownPoint, number: int | None, top: int) -> str:
    """Return how the samples of `other` differ from those of `one`.

    Of texts: a word diff on the example `number`, by default that with the largest difference in score. Of classes: the
    examples that only one of them got right, at most `top`. Raise RunError if they have no example in common,
    UsageError if there is no example `number`.
    """
    first, second = scored_samples(one), scored_samples(other)
    if not same_examples(one, other):
        raise RunError(f"{one.name} and {other.name} were scored on different data, so they have no example in common")
    if not generates(first):
        return "\n".join(_classes(one, other, number, top))
    metric = sample_metric(one)
    if number is None:
        scores, others = (example_scores(with_text(samples), metric) for samples in (first, second))
        gaps = {example: abs(scores[example] - others[example]) for example in scores.keys() & others.keys()}
        if not gaps:
            raise RunError(f"{one.name} and {other.name} have no text of the same example")
        number = max(gaps, key=lambda example: gaps[example])
    a, b = of_example(first, number)[0], of_example(second, number)[0]
    if not with_text([a]) or not with_text([b]):
        raise UsageError(f"--prompt {number}: its text was not kept; leave out --prompt, or name another example")
    lines = [f"{one.name}   {sample_line(a, metric)}", f"{other.name}   {sample_line(b, metric)}"]
    for name in ("prompt", "reference"):
        if name in texts_of(a):
            lines += ["", name, *_indented(printable(texts_of(a)[name]))]
    title = f"generated: [-only {one.point.point_id}-] {{+only {other.point.point_id}+}}"
    return "\n".join([*lines, "", title, *_indented(word_diff(a["generated"], b["generated"]))])


def _indented(text: str) -> list[str]:
    return [f"{INDENT}{line}".rstrip() for line in text.strip("\n").split("\n")]


def _classes(one: ShownPoint, other: ShownPoint, number: int | None, top: int) -> Iterator[str]:
    by_number: dict[int, Sample] = {int(sample["example"]): sample for sample in other.samples}
    pairs = [(sample, by_number[int(sample["example"])]) for sample in one.samples if sample["example"] in by_number]
    if number is not None:
        pairs = [pair for pair in pairs if pair[0]["example"] == number]
        if not pairs:
            raise UsageError(f"--prompt {number}: the points have no such example in common")
    split = [(a, b) for a, b in pairs if is_right(a) != is_right(b)] if number is None else pairs
    for name, place in ((one.name, 0), (other.name, 1)):
        yield f"{name}: {sum(is_right(pair[place]) for pair in pairs)} of {len(pairs)} examples right"
    if number is None:
        yield f"{len(split)} examples that only one of them got right" + (
            f"; the first {top}" if len(split) > top else ""
        )
    for a, b in split[:top]:
        yield ""
        yield f"{one.point.point_id}  {sample_line(a)}"
        yield f"{other.point.point_id}  {sample_line(b)}"
        for text in texts_of(a).values():
            yield from _indented(printable(text))
