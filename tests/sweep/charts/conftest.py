"""The reference runs as sources of charts, read once."""

from functools import cache
from pathlib import Path

import pytest

from sweep.charts.source import Source, open_source
from sweep.store.locate import find_run

REFERENCE = Path(__file__).parents[3] / "results" / "reference"
RUNS = ("lora_rank", "combinations", "sentiment", "paraphrase")


@cache
def reference(name: str) -> Source:
    return open_source(find_run(REFERENCE, name))


@pytest.fixture
def lora_rank() -> Source:
    return reference("lora_rank")
