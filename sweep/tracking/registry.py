"""The registry of trackers: name -> entry. To add one, write its file and add its line."""

import importlib
import importlib.util
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from model.suggest import did_you_mean
from sweep.errors import UsageError
from sweep.tracking.record import Record


class Tracker(Protocol):
    """Shows points in another tool. It may raise any exception; the run goes on without it."""

    def update(self, record: Record) -> None:
        """Add what is not shown yet of a point. Repeating it changes nothing, also after a kill at any moment."""
        ...

    def close(self) -> None:
        """Finish writing."""
        ...


@dataclass(frozen=True)
class TrackerEntry:
    """A tracker. `make` is named by module and class: see `make_tracker` for its arguments."""

    module: str
    make: str
    package: str  # that it imports, and the name of the extra that installs it
    extra: str
    summary: str


TRACKERS = {
    "tensorboard": TrackerEntry(
        "sweep.tracking.tensorboard", "TensorBoard", "tensorboardX", "tensorboard", "event files for TensorBoard"
    ),
    "wandb": TrackerEntry(
        "sweep.tracking.wandb", "WeightsAndBiases", "wandb", "wandb", "offline runs of Weights & Biases"
    ),
    "mlflow": TrackerEntry("sweep.tracking.mlflow", "MLflow", "mlflow", "mlflow", "an MLflow store in an SQLite file"),
    "trackio": TrackerEntry("sweep.tracking.trackio", "Trackio", "trackio", "trackio", "a Trackio project, in SQLite"),
}


def parse_trackers(text: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names in `text`, separated by commas. Raise UsageError if one is unknown or not installed."""
    names = text.split(",") if isinstance(text, str) else text
    found = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
    for name in found:
        if name not in TRACKERS:
            raise UsageError(f"unknown name {name!r}: {did_you_mean(name, TRACKERS)}Known: {', '.join(TRACKERS)}")
        check_installed(name)
    return found


def check_installed(name: str) -> None:
    """Raise UsageError if the package of a tracker is missing."""
    entry = TRACKERS[name]
    if importlib.util.find_spec(entry.package) is None:
        raise UsageError(f"{name}: needs the package {entry.package}: pip install 'explora-sweep[{entry.extra}]'")


def make_tracker(name: str, folder: Path, run: str, *, live: bool = False) -> Tracker:
    """Return the tracker `name` for the run of the name `run`.

    It writes to `folder`; while a run is `live`, to a server if its own environment variables name one.
    """
    entry = TRACKERS[name]
    made: Tracker = getattr(importlib.import_module(entry.module), entry.make)(folder, run, live=live)
    return made


def show(tracker: Tracker, records: Iterable[Record]) -> int:
    """Show all `records`, close the tracker, and return how many there were."""
    count = 0
    for record in records:
        tracker.update(record)
        count += 1
    tracker.close()
    return count
