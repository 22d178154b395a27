"""Measure the table of targets, RESULTS.md: `python -m benchmarks`, or `python -m benchmarks 3 4` for some of its rows.

A run of all rows overwrites benchmarks/RESULTS.md; a run of only some does so if --write is given.
"""

import argparse
import pkgutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks import results
from benchmarks.measurement import Measurement


@dataclass(frozen=True)
class Row:
    """A row of the table of targets, and the functions in this folder that measure its lines."""

    work: str
    sources: tuple[str, ...]  # module:function


ROWS = {
    1: Row("LoRA rank grid against Ray Tune + transformers + peft", ("peer_grid:rank_grid",)),
    2: Row("decoding grid against Ray Tune + transformers", ("peer_grid:decoding_grid",)),
    3: Row("training step on the shape of gpt2, in fp32 and bf16", ("precision:gpt2",)),
    4: Row("training step on tiny, in fp32 and bf16", ("training_step:tiny", "precision:tiny")),
    5: Row("decoding: sampling, beams and repeats", ("decoding:measure",)),
    6: Row("SOAP step on the shapes of gpt2", ("soap_step:measure",)),
    7: Row("peak memory of training with LoRA on the shape of gpt2", ("memory:measure",)),
    8: Row("fixed cost of a trial", ("orchestration:cost",)),
    9: Row("start of a run against starting Ray alone", ("orchestration:start",)),
    10: Row("one worker against two", ("orchestration:workers",)),
    11: Row("best point of lora_rank, found by ASHA-promote", ("answer:measure",)),
}


def measure(rows: Sequence[int]) -> Iterator[Measurement]:
    """Measure and yield the lines of `rows`. A source runs only once, even if a row is given twice."""
    for source in dict.fromkeys(source for row in rows for source in ROWS[row].sources):
        yield from pkgutil.resolve_name(f"benchmarks.{source}")()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", type=int, help="rows to measure (default: all)")
    parser.add_argument("--list", action="store_true", help="list the rows and exit")
    parser.add_argument("--write", action="store_true", help="overwrite RESULTS.md even if only some rows run")
    given = parser.parse_args(arguments)
    if given.list:
        print("\n".join(f"{number:2} {row.work}" for number, row in ROWS.items()))
        return
    if unknown := set(given.rows) - set(ROWS):
        parser.error(f"no row {min(unknown)}; the rows are {', '.join(map(str, ROWS))}")
    facts, began = results.surroundings(), time.perf_counter()
    shown = results.show(measure(given.rows or list(ROWS)))
    if given.write or set(given.rows or ROWS) == set(ROWS):
        results.PAGE.write_text(results.page(shown, facts, (time.perf_counter() - began) / 60), encoding="utf-8")
        print(f"wrote {results.PAGE}")


if __name__ == "__main__":
    main()
