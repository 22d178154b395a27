"""TPE against random search with the same number of trials, on a continuous version of the axes of `spaces/smart.py`.

The objective is the dev loss on `tiny` after one epoch. Both searches sample the same space with this package's own
`sweep.tuning.searchers.suggest`, like the driver, and really train the points, one after another. Each runs five times;
slightly different ranges make the five runs sample different points. We compare the best dev loss after 10, 20 and 30
trials; lower is better.
"""

import argparse
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model import train
from model.errors import DivergedError
from sweep import Space, loguniform
from sweep.execution.usage import threads
from sweep.planning.search_space import SearchSpace
from sweep.tuning.observations import Observation
from sweep.tuning.searchers import suggest

TRIALS = 30
SEARCHES = 5
MARKS = (10, 20, 30)  # numbers of trials to compare at; TPE's first 10 points are random


def smart_space(search: int) -> Space:
    """Return the SMART grid with continuous axes; `search` shifts their ranges by a negligible amount."""
    nudge = 1 + search * 1e-6
    return Space(
        fixed={"epochs": 1, "batch_size": 8, "smart.variant": "library", "smart.noise_var": 1e-5},
        axes={
            "smart.lam": loguniform(9e-4 * nudge, 5e-2),
            "smart.eps": loguniform(1e-6 * nudge, 1e-5),
            "smart.step_size": loguniform(1e-3 * nudge, 1e-2),
            "lr": loguniform(1e-3 * nudge, 5e-3),
        },
        decoding={"top_p": 0.9},
    )


@dataclass(frozen=True)
class Run:
    """One search: the dev losses of its trials, in order; None if a trial diverged."""

    losses: tuple[float | None, ...]

    def best(self, trials: int) -> float:
        return min(loss for loss in self.losses[:trials] if loss is not None)


def search(space: SearchSpace, kind: str, trials: int) -> Run:
    """Run a search of `trials` points of `space`; each result is known before the next point is suggested."""
    history: list[Observation] = []
    seen: set[str] = set()
    for _ in range(trials):
        suggestion = suggest(space, kind, history, seen)
        assert suggestion is not None, "continuous ranges never run out of points"
        seen.add(suggestion.points[0].point_id)
        loss = dev_loss(suggestion.points[0].train)
        history.append(Observation(suggestion.params, "FAIL" if loss is None else "COMPLETE", loss))
    return Run(tuple(observation.value for observation in history))


def dev_loss(config: Any) -> float | None:
    """Train `config` and return the dev loss after the last epoch, or None if training diverges."""
    try:
        with threads(1):
            return [report.dev_loss for report in train(config)][-1]
    except DivergedError:
        return None


def table(runs: Mapping[str, Sequence[Run]]) -> str:
    """Return a table of the mean and range of the best dev loss over the searches, and how often TPE's is lower."""
    lines = ["| best dev loss after | random | tpe | tpe lower in |", "|---|---|---|---|"]
    for trials in MARKS:
        best = {kind: [run.best(trials) for run in found] for kind, found in runs.items()}
        cells = [f"{statistics.mean(b):.4f} ({min(b):.4f} to {max(b):.4f})" for b in best.values()]
        lower = sum(t < r for r, t in zip(best["random"], best["tpe"], strict=True))
        lines.append(f"| {trials} trials | {cells[0]} | {cells[1]} | {lower} of {len(best['tpe'])} |")
    return "\n".join(lines)


def main(searches: int = SEARCHES, trials: int = TRIALS) -> None:
    """Run both searches and print the table."""
    spaces = [SearchSpace.of(smart_space(number), {}, 1) for number in range(searches)]
    print(table({kind: [search(space, kind, trials) for space in spaces] for kind in ("random", "tpe")}))


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    main()
