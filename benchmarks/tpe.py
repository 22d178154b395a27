"""TPE against random search at equal trials, on the axes of `spaces/smart.py` made continuous.

The objective is the dev loss on `tiny` after one epoch. Both searches draw from the same space by the tool itself
(`sweep.tuning.searchers.suggest`, as the driver asks it), and train for real, one point after the other. Five searches
each: a search's number shifts its draws by ranges that differ in their last digits. What counts is the best dev loss
after so many trials; lower is better.
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
MARKS = (10, 20, 30)  # trials after which the best is compared: up to 10, TPE draws at random itself


def smart_space(search: int) -> Space:
    """The grid's ranges as ranges; `search` makes draws differ, not the space in any way that matters."""
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
    """One search: the dev losses in the order of its trials; None for a training that diverged."""

    losses: tuple[float | None, ...]

    def best(self, trials: int) -> float:
        return min(loss for loss in self.losses[:trials] if loss is not None)


def search(space: SearchSpace, kind: str, trials: int) -> Run:
    """`trials` points of `space`, each told before the next is drawn."""
    history: list[Observation] = []
    seen: set[str] = set()
    for _ in range(trials):
        drawn = suggest(space, kind, history, seen)
        assert drawn is not None, "ranges do not run out"
        seen.add(drawn.points[0].point_id)
        loss = dev_loss(drawn.points[0].train)
        history.append(Observation(drawn.params, "FAIL" if loss is None else "COMPLETE", loss))
    return Run(tuple(told.value for told in history))


def dev_loss(config: Any) -> float | None:
    """After the last epoch; None where the training diverges."""
    try:
        with threads(1):
            return [report.dev_loss for report in train(config)][-1]
    except DivergedError:
        return None


def table(runs: Mapping[str, Sequence[Run]]) -> str:
    """Mean and range of the best dev loss over the searches, and how often TPE's is the lower one."""
    lines = ["| best dev loss after | random | tpe | tpe lower in |", "|---|---|---|---|"]
    for trials in MARKS:
        best = {kind: [run.best(trials) for run in found] for kind, found in runs.items()}
        cells = [f"{statistics.mean(b):.4f} ({min(b):.4f} to {max(b):.4f})" for b in best.values()]
        lower = sum(t < r for r, t in zip(best["random"], best["tpe"], strict=True))
        lines.append(f"| {trials} trials | {cells[0]} | {cells[1]} | {lower} of {len(best['tpe'])} |")
    return "\n".join(lines)


def main(searches: int = SEARCHES, trials: int = TRIALS) -> None:
    """Train and print the table."""
    spaces = [SearchSpace.of(smart_space(number), {}, 1) for number in range(searches)]
    print(table({kind: [search(space, kind, trials) for space in spaces] for kind in ("random", "tpe")}))


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    main()
