"""The table of targets as text, and as the page RESULTS.md with the machine, the versions and the commit."""

import importlib.metadata
import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measurement import THREADS, Measurement
from model.precision import CPU_BF16, CPU_INFO, cpu_field, cpu_flags
from sweep.execution.resources import usable_cores
from sweep.planning.commits import tool_commit
from sweep.planning.machine import DISTRIBUTION
from sweep.planning.processor import device_name
from sweep.planning.provenance import versions
from sweep.reporting.tables import markdown_table

PAGE = Path(__file__).with_name("RESULTS.md")
COLUMNS = ("row", "work", "figure (quartiles)", "target", "result", "pairs", "note")
WIDTHS = (3, 77, 24, 14, 7, 5, 0)
ABOUT = """# Results of the benchmarks

Written by `make bench`. A figure in x is the median ratio of the pairs, with its quartiles in brackets if there are at
least three; a note gives each side's own median. "At most" means that lower is better, "at least" that higher is.
"""


def cells(one: Measurement) -> list[str]:
    """Return the cells of a line, as texts."""
    outcome = "pass" if one.passes else "short" if one.pairs else "skipped"
    figure = f"{one.figure:.3f} {one.unit}" if one.pairs else "-"
    if one.quartiles:
        figure += f" ({one.quartiles[0]:.3f} to {one.quartiles[1]:.3f})"
    target = f"{'at least' if one.at_least else 'at most'} {one.target:g} {one.unit}"
    return [str(one.row), one.work, figure, target, outcome, str(one.pairs), one.note]


def line(texts: Sequence[str]) -> str:
    """Return a line of the table in columns."""
    return " ".join(text.ljust(width) for text, width in zip(texts, WIDTHS, strict=True)).rstrip()


def show(measurements: Iterable[Measurement]) -> list[Measurement]:
    """Print each line as soon as it is measured, and return all of them."""
    print(line(COLUMNS), flush=True)
    shown = []
    for one in measurements:
        print(line(cells(one)), flush=True)
        shown.append(one)
    return shown


def page(measurements: Sequence[Measurement], facts: dict[str, str], minutes: float) -> str:
    """Return RESULTS.md: how many lines pass, the table, and what it was measured with."""
    passed, skipped = sum(one.passes for one in measurements), sum(not one.pairs for one in measurements)
    short = len(measurements) - passed - skipped
    count = f"{passed} of {len(measurements)} lines pass, {short} fall short, {skipped} are skipped."
    listed = [f"- {name}: {fact}" for name, fact in {**facts, "duration": f"{minutes:.0f} minutes"}.items()]
    table = markdown_table(COLUMNS, [cells(one) for one in sorted(measurements, key=lambda one: one.row)])
    return "\n".join([ABOUT, count, "", table, "", *listed, ""])


def surroundings() -> dict[str, str]:
    """Return what the figures depend on besides the code, and the commit of the code."""
    packages = {name: importlib.metadata.version(name) for name in ("transformers", "peft", DISTRIBUTION)}
    commit = tool_commit() or "unknown"
    return {
        "processor": f"{processor()}, {device_name(gpu=False)}; {bf16_flags()}",
        "cores": f"{usable_cores()} of {os.cpu_count()}; {THREADS} thread per worker",
        "versions": ", ".join(f"{name} {version}" for name, version in {**versions(), **packages}.items()),
        "commit": commit.removesuffix("+") + (", with uncommitted changes" if commit.endswith("+") else ""),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }


def processor() -> str:
    """Return the processor's model as Linux names it."""
    return cpu_field(CPU_INFO, "model name") or platform.processor() or "unknown"


def bf16_flags() -> str:
    """Return the processor's instructions for bf16 as text."""
    flags = cpu_flags(CPU_INFO)
    return " ".join(name for name in CPU_BF16 if name in flags) or "no bf16 instructions"
