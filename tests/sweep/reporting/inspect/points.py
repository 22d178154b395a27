"""Points of the reference runs, which are read once."""

from functools import cache
from pathlib import Path
from typing import Any

from sweep.reporting.inspect.shown_point import ShownPoint, open_points
from sweep.store.run_folder import RunFolder

REFERENCE = Path(__file__).parents[4] / "results" / "reference"
BEST, OTHER = "c0a001e760dc", "543a5f1ff331"  # of lora_rank


@cache
def points(run: str, *ids: str | None) -> list[ShownPoint]:
    return open_points(RunFolder(REFERENCE / run), ids)


def with_samples(samples: list[dict[str, Any]]) -> ShownPoint:
    """The best point of lora_rank, with other samples."""
    shown = points("lora_rank", BEST)[0]

    class Other(ShownPoint):
        @property
        def samples(self) -> Any:
            return samples

    return Other(shown.folder, shown.state, shown.rows, shown.point, shown.row)
