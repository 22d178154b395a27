"""A run as the parts of a paper read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from sweep.errors import RunError
from sweep.paper.names import macro_word
from sweep.reporting.leaderboard import Row, rows
from sweep.reporting.verdicts.study import Study
from sweep.store.run_folder import RunFolder
from sweep.store.run_spec import RunSpec
from sweep.store.state import RunState, load_state


@dataclass(frozen=True)
class PaperRun:
    """A run, its state and its rows."""

    folder: RunFolder
    state: RunState
    rows: Sequence[Row]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def word(self) -> str:
        """Return what the names of the run's macros begin with."""
        return macro_word(self.name) or "Run"

    @property
    def spec(self) -> RunSpec:
        return self.folder.spec

    @cached_property
    def study(self) -> Study:
        return Study(self.rows)


def load_run(folder: RunFolder, metric: str | None = None) -> PaperRun:
    """Return the run in `folder`, ranked by `metric` (None: as the run was started).

    Raise RunError if none of its rows is complete, or it has no such metric.
    """
    state = load_state(folder)
    found = rows(folder, state, metric)
    if not any(row["status"].is_complete for row in found):
        raise RunError(f"run {folder.name!r} has no finished row yet: finish it with `{folder.command('resume')}`")
    return PaperRun(folder, state, found)


def load_runs(folders: Sequence[RunFolder], metric: str | None = None) -> list[PaperRun]:
    """Return several runs. Raise RunError if one has no results, or two have the same name."""
    names = [folder.name for folder in folders]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RunError(f"two runs are named {twice!r}: name each run once, or rename one with `sweep mv`")
    return [load_run(folder, metric) for folder in folders]
