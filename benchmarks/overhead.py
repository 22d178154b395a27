"""The overhead of orchestration in time and memory.

plan       expand, check and group 10,000 points
resume     `sweep resume` of a run with 10,000 finished trials in its ledger
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sweep.planning.plan import make_plan
from sweep.planning.registry import load_space
from sweep.planning.space import expand
from sweep.prepare import RunRequest, prepare
from sweep.store.events import EpochEvent, Event, Score, SessionEvent, StatusEvent
from sweep.store.ledger import Ledger
from sweep.store.status import Status
from sweep.testing import fake_cost, fake_losses

POEM = "O gentle night,\nthou art a quiet friend,\nthy stars are slow,\nthy silence has no end."
SPACE = '''"""A made-up space."""

from sweep import Space, grid

space = Space(fixed={{"batch_size": 8, "data": {data!r}, "epochs": {epochs}, "lora.rank": 1}},
              axes={{"lr": grid(*[1e-5 * (i + 1) for i in range({points})])}}, decoding={{"max_new_tokens": {tokens}}})
'''


def command(module: str, *arguments: object) -> list[str]:
    """Return the command that runs a module of this checkout with `arguments`."""
    return [sys.executable, "-m", module, *map(str, arguments)]


def timed(module: str, *arguments: object) -> float:
    """Run a module in a separate process and return its wall time in seconds."""
    started = time.perf_counter()
    subprocess.run(command(module, *arguments), check=True, capture_output=True)
    return time.perf_counter() - started


def sweep(*arguments: object) -> float:
    """Run the command `sweep` and return its wall time in seconds."""
    return timed("sweep.cli", *arguments)


def made_up(folder: Path, points: int, epochs: int = 1, tokens: int = 1) -> Path:
    """Write a space file with `points` trials on six short poems, and return its path."""
    data = folder / "poems.txt"
    data.write_text("POEMS\n\n" + "\n\n".join(f"{number}\n\n{POEM}" for number in range(1, 7)) + "\n")
    path = folder / f"made_up_{points}.py"
    path.write_text(SPACE.format(data=str(data), points=points, epochs=epochs, tokens=tokens))
    return path


def plan(folder: Path) -> tuple[float, float]:
    """Return the seconds and MB needed to plan 10,000 points."""
    space = load_space(str(made_up(folder, 10_000))).space
    before, started = peak_mb(), time.perf_counter()
    assert len(make_plan(expand(space, {}), 1).trials) == 10_000
    return time.perf_counter() - started, peak_mb() - before


def resume(folder: Path) -> float:
    """Return the seconds of `sweep resume` on a finished run with 10,000 trials."""
    request = RunRequest(space=str(made_up(folder, 10_000)), out=folder, executor="inline", use_cache=False)
    run = prepare(request).open_or_create()
    lines = Ledger(run.ledger)
    lines.append(SessionEvent(command=["made up"]))
    lines.close()
    events: list[Event] = []
    for point in (*run.spec.plan.points, *run.spec.plan.baselines):
        score = Score(
            point_id=point.point_id,
            metrics={"chrf": 40.0, "chrf_new": 20.0},
            samples=[{"prompt": "a", "text": "b"}],
            decode_seconds=0.1,
        )
        started = StatusEvent(trial_id=point.trial_id, attempt=1, status=Status.RUNNING)
        done = EpochEvent(
            trial_id=point.trial_id,
            attempt=1,
            epoch=point.epochs,
            losses=fake_losses(point.epochs, 3.0),
            cost=fake_cost(),
            scores=[score],
            status=Status.COMPLETED,
        )
        events += [started, done]
    write_all(run.ledger, events)
    return sweep("resume", run.name, "--out", folder)


def write_all(path: Path, events: Sequence[Event]) -> None:
    """Append many events like `Ledger.append`, but without an fsync after each."""
    from sweep.store.ledger import _seal

    with path.open("ab") as file:
        for number, event in enumerate(events, start=2):
            file.write(_seal(replace(event, seq=number, time="2026-01-01T00:00:00+00:00")))


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(parts: Sequence[str] = ("plan", "resume")) -> None:
    """Print the measurement of each of `parts` with its bound."""
    print("overhead of orchestration")
    for part in parts:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if part == "plan":
                seconds, megabytes = plan(folder)
                print(f"plan      10,000 points in {seconds:.2f} s (bound 2), {megabytes:.0f} MB (bound 300)")
            else:
                print(f"resume    a run of 10,000 finished trials in {resume(folder):.2f} s (bound 5)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["plan", "resume"])
    main(parser.parse_args().parts)
