"""Samples as text for a terminal: generated texts beside their references, or the errors of a classifier."""

import io
from collections.abc import Iterator, Sequence
from itertools import chain
from statistics import median

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sweep.reporting.inspect.samples import (
    example_scores,
    generates,
    is_right,
    of_example,
    ordered,
    sample_metric,
    sample_score,
    scored_samples,
    texts_of,
    wrong,
)
from sweep.reporting.inspect.shown_point import Sample, ShownPoint
from sweep.reporting.inspect.text import INDENT
from sweep.reporting.numbers import decimals, plain_text
from sweep.reporting.printable import printable

NARROW = 80  # columns of a terminal; below, the reference follows the text
SHORT_LINES, SHORT_WIDTH = 3, 100  # of a text that is only hinted at
BESIDE = ("generated", "reference")


def samples_text(shown: ShownPoint, top: int, width: int) -> str:
    """Return what `sweep samples` prints of a point: its best and worst texts, or what it got wrong, `top` of each."""
    samples = scored_samples(shown)
    metric = sample_metric(shown)
    lines = [_heading(shown, samples, metric)]
    if not generates(samples):
        found = wrong(samples)
        lines += [
            "",
            f"{min(top, len(found))} of the {len(found)} examples it got wrong, the most certain errors first",
        ]
        return "\n".join([*lines, *chain.from_iterable(_block(one, metric, width) for one in found[:top])])
    found = ordered(samples, metric)
    best, worst = found[:top], found[top:][-top:][::-1]
    for title, part in (("best", best), ("worst", worst)):
        if part:
            lines += ["", f"{title} {len(part)} by {metric}"]
            lines += chain.from_iterable(_block(one, metric, width) for one in part)
    return "\n".join(lines)


def prompt_text(shown: ShownPoint, number: int, width: int) -> str:
    """Return the samples of the example `number`. Raise UsageError if there is no such example."""
    samples = scored_samples(shown)
    metric = sample_metric(shown)
    blocks = [_block(one, metric, width) for one in of_example(samples, number)]
    return "\n".join([_heading(shown, samples, metric), *chain.from_iterable(blocks)])


def _heading(shown: ShownPoint, samples: Sequence[Sample], metric: str) -> str:
    scores = sorted(example_scores(samples, metric).values())
    if not generates(samples):
        return f"{shown.name}: {sum(map(is_right, samples))} of {len(samples)} examples right"
    digits = decimals(metric, scores)
    low, middle, high = (plain_text(one, digits) for one in (scores[0], median(scores), scores[-1]))
    draws = len({sample.get("draw") for sample in samples})
    means = f" (means of {draws} draws)" if draws > 1 else ""
    return f"{shown.name}: {len(scores)} examples, {metric} {low} to {high}, median {middle}{means}"


def sample_line(sample: Sample, metric: str | None = None) -> str:
    """Return a line that says which example a sample is of, and how it was scored."""
    draw = f", draw {sample['draw']}" if "draw" in sample else ""
    name = f"example {sample['example']}{draw}"
    if "predicted" in sample:
        label, predicted = (printable(str(sample.get(f"{key}_name", sample[key]))) for key in ("label", "predicted"))
        word = "right" if is_right(sample) else "wrong"
        return f"{name}: label {label}, predicted {predicted} with probability {sample['probability']:.3f}, {word}"
    score = None if metric is None else sample_score(sample, metric)
    return name if score is None else f"{name}: {metric} {plain_text(score, decimals(str(metric), [score]))}"


def short_lines(sample: Sample) -> Iterator[str]:
    """Yield a few lines of a sample."""
    yield f"{INDENT}{sample_line(sample)}"
    for name, text in texts_of(sample).items():
        lines = printable(text).strip("\n").split("\n")
        yield f"{INDENT * 2}{name}"
        yield from (f"{INDENT * 3}{_cut(line)}" for line in lines[:SHORT_LINES])
        if len(lines) > SHORT_LINES:
            yield f"{INDENT * 3}… {len(lines) - SHORT_LINES} more lines"


def _cut(line: str) -> str:
    return line if len(line) <= SHORT_WIDTH else f"{line[: SHORT_WIDTH - 1]}…"


def _block(sample: Sample, metric: str, width: int) -> Iterator[str]:
    """Yield a sample in full: the given texts, then the generated one beside its reference."""
    texts = {name: printable(text).strip("\n") for name, text in texts_of(sample).items()}
    yield from ("", sample_line(sample, metric))
    beside = width >= NARROW and all(name in texts for name in BESIDE)
    for name, text in texts.items():
        if not beside or name not in BESIDE:
            yield f"{INDENT}{name}"
            yield from (f"{INDENT * 2}{line}" for line in text.split("\n"))
    if beside:
        yield from _columns({name: texts[name] for name in BESIDE}, width)


def _columns(texts: dict[str, str], width: int) -> list[str]:
    """Return texts beside each other, under their names."""
    table = Table.grid(padding=(0, 3, 0, 0))
    for _ in texts:
        table.add_column(overflow="fold")
    table.add_row(*(Text(name) for name in texts))
    table.add_row(*(Text("\n".join(f"{INDENT}{line}" for line in text.split("\n"))) for text in texts.values()))
    sink = io.StringIO()
    Console(file=sink, width=width - len(INDENT), color_system=None, highlight=False).print(table)
    return [f"{INDENT}{line}".rstrip() for line in sink.getvalue().splitlines()]
