"""Figures of a data set as text or JSON."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict

from sweep.datasets.figures import Figures, SplitFigures

SHOWN = 160  # characters of an example
CLASSES = 20  # that are listed


def json_text(found: Figures) -> str:
    return json.dumps(asdict(found), indent=1, ensure_ascii=False)


def lines(found: Figures) -> Iterator[str]:
    """Yield what `sweep data` prints."""
    yield f"task       {found.task}: sweep run {found.task} --set data={found.data}"
    yield f"columns    {', '.join(f'{role} = {name}' for role, name in found.columns.items())}"
    source = f"drawn by content: {found.drawn}" if found.drawn else "given"
    yield f"splits     {', '.join(f'{one.rows:,} {split}' for split, one in found.splits.items())} ({source})"
    yield from _classes(found)
    for split, one in found.splits.items():
        if one.lengths is not None:
            yield f"{split:10} {_described(one, found)}"
    yield from (f"warning    {warning}" for warning in found.warnings)
    for number, example in enumerate(found.examples, start=1):
        yield f"example {number}"
        yield from _example(example)


def _classes(found: Figures) -> Iterator[str]:
    train = found.splits["train"]
    if not train.classes:
        return
    shares = [f"{name} {count / train.rows:.1%}" for name, count in train.classes.items()]
    further = f" and {len(shares) - CLASSES} more" if len(shares) > CLASSES else ""
    yield f"classes    {len(shares)}, in this order, with their shares of train: {', '.join(shares[:CLASSES])}{further}"
    majority = [f"{split} {one.majority:.4f}" for split, one in found.splits.items() if one.majority is not None]
    yield f"majority   accuracy of always answering with the most frequent class: {', '.join(majority)}"


def _described(one: SplitFigures, found: Figures) -> str:
    assert one.lengths is not None
    lengths = one.lengths
    parts = [
        f"{one.rows:,} rows of {lengths.shortest:,} to {lengths.longest:,} tokens of {found.base} "
        f"(median {lengths.median:g}, 95 % at most {lengths.p95:g})",
        f"{lengths.cut:,} ({lengths.cut / one.rows:.1%}) exceed {found.positions:,} positions",
        f"{one.duplicates:,} duplicates",
    ]
    parts += [f"{one.leaked:,} also in train"] if one.leaked else []
    parts += [f"{one.skipped:,} left out"] if one.skipped else []
    return "; ".join(parts)


def _example(example: Mapping[str, str]) -> Iterator[str]:
    for name, text in example.items():
        shown = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
        yield f"  {name:10} {json.dumps(shown, ensure_ascii=False)}"
