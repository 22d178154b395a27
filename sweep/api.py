"""The Python interface: run spaces, open runs, read results. The command line calls the same functions.

import sweep

run = sweep.run("lora_rank", settings={"epochs": 1})
run.leaderboard()[["lora.rank", "chrf", "dev_loss"]]
model, tokenizer = run.load_model()
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.export.as_base import resolve_base
from sweep.planning.config import RunLimits, TuneConfig
from sweep.planning.python_options import limits_of, paths, taken
from sweep.planning.registry import space_paths
from sweep.planning.space import Space
from sweep.prepare import RunRequest, prepare, prepare_resume
from sweep.reporting.frames import curves_frame, leaderboard_frame, samples_frame
from sweep.reporting.leaderboard import load_rows, rows
from sweep.reporting.points import find_point, no_finished_point
from sweep.session import work_in_python
from sweep.store import run_folder
from sweep.store.activity import activity
from sweep.store.locate import find_run
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state
from sweep.store.status import Status
from sweep.tracking.registry import parse_trackers

if TYPE_CHECKING:
    import pandas as pd

    from model.gpt2 import GPT2
    from model.pretrained.tokenizer import Tokenizer
    from sweep.charts.plots import Plots

FURTHER_OPTIONS = ("cpus_per_trial", "gpus_per_trial", "metric")  # of RunRequest, that `run` takes as options


@dataclass(frozen=True)
class RunStatus:
    """The progress of a run."""

    activity: str  # working, idle, not started, stopped or killed; with the command that resumes it
    counts: Mapping[Status, int]  # number of leaderboard rows by status

    @property
    def is_done(self) -> bool:
        """Return whether every row is complete."""
        return all(status.is_complete for status in self.counts)


class Run:
    """A run on disk. Reading it never changes it, and works while another process trains."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def path(self) -> Path:
        return self.folder.path

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {status}" for status, count in self.status().counts.items())
        return f"<Run {self.name!r}: {counts}>"

    def leaderboard(self, metric: str | None = None) -> "pd.DataFrame":
        """Return one row per point, the best first (by `metric`, if given), with the columns of leaderboard.parquet."""
        return leaderboard_frame(rows(self.folder, load_state(self.folder), metric))

    def samples(self, point: str | None = None) -> "pd.DataFrame":
        """Return the generated texts or predictions of `point`, by default of every scored point: a row per example."""
        state = load_state(self.folder)
        frame = samples_frame(self.folder, state)
        return frame if point is None else frame[frame["point_id"] == find_point(self.folder, point, state).point_id]

    def show(self, point: str | None = None) -> dict[str, Any]:
        """Return the settings, scores, curve, cost and provenance of `point` (default: the best), as `sweep show`."""
        from sweep.reporting.inspect.details import details
        from sweep.reporting.inspect.shown_point import open_points

        (shown,) = open_points(self.folder, [point])
        return details(shown).as_dict()

    def diff(self, a: str, b: str) -> dict[str, Any]:
        """Return how the points `a` and `b` differ in settings, scores, examples and costs, as `sweep diff`."""
        from sweep.reporting.inspect.difference import difference
        from sweep.reporting.inspect.shown_point import open_points

        one, other = open_points(self.folder, [a, b])
        return difference(one, other).as_dict()

    def curves(self) -> "pd.DataFrame":
        """Return one row per trial and epoch: losses (nats per target), metric, seconds of training, settings."""
        return curves_frame(self.folder, load_state(self.folder))

    def best(self) -> "pd.Series[Any]":
        """Return the leaderboard's first row. Raise RunError if no point is finished."""
        frame = self.leaderboard()
        if frame.empty or frame.iloc[0]["rank"] != 1:
            raise no_finished_point(self.folder, load_rows(self.folder))
        return frame.iloc[0]

    @property
    def plot(self) -> "Plots":
        """Return the charts of the run: `run.plot.curves()`. Raise UsageError if the extra `plots` is missing."""
        from sweep.charts.extra import require_plots

        require_plots("run.plot")
        from sweep.charts.plots import Plots

        return Plots(self.folder)

    def status(self) -> RunStatus:
        """Return the number of rows by status, and what the run is doing."""
        rows = load_rows(self.folder)
        statuses = sorted(row["status"] for row in rows)
        counts = {status: statuses.count(status) for status in dict.fromkeys(statuses)}
        return RunStatus(activity(self.folder, load_state(self.folder)), counts)

    def load_model(self, point: str | None = None) -> "tuple[GPT2, Tokenizer]":
        """Return the trained model of `point` (a point_id; default: the best) and its tokenizer, in evaluation mode.

        Raise RunError if its checkpoint was not kept (see `keep` in `sweep.run`), ExtensionError if the run uses an
        extension that cannot be imported as it was.
        """
        from sweep.export.trained import load_trained

        trained = load_trained(self.folder, point)
        return trained.model, trained.tokenizer

    def export(self, folder: str | Path, point: str | None = None, *, form: str = "hf") -> Path:
        """Write the trained model of `point` (default: the best) to `folder`, and return the folder.

        form: hf for transformers, peft for a LoRA adapter, gguf for llama.cpp. For all points of the run: optuna for a
        study in the SQLite file `folder`, or a tracker (see `log` in `sweep.run`). Raise RunError if the point has no
        such form or its checkpoint was not kept, UsageError if `folder` is not empty or holds that study.
        """
        from sweep.export.registry import FORMATS
        from sweep.export.write import export_model, export_run

        if form in FORMATS:
            export_model(self.folder, point, Path(folder), form)
        else:
            export_run(self.folder, Path(folder), form)
        return Path(folder)

    def paper(self, folder: str | Path, *others: "Run", published: str | None = None, force: bool = False) -> Path:
        """Write the parts of a paper on this run and `others` to `folder` as LaTeX, and return the folder.

        published: "explora" adds that paper's tables and claims. Raise UsageError if `folder` holds something else.
        """
        from sweep.paper.source import load_runs
        from sweep.paper.write import write_paper

        write_paper(load_runs([run.folder for run in (self, *others)]), Path(folder), published=published, force=force)
        return Path(folder)

    def resume(
        self,
        *,
        executor: str | None = None,
        concurrency: int | None = None,
        address: str | None = None,
        settings: Mapping[str, str | Path | Sequence[str | Path]] | None = None,
        progress: bool = True,
        log: Sequence[str] = (),
        **limits: Any,
    ) -> "Run":
        """Train unfinished trials, retry failed ones, and return this run.

        settings: new paths of data and bases that were moved: {"data": "poems.txt"}. Their content must be the same.
        limits: fields of RunLimits that replace the run's own.

        Raise RunError if code, base, data, versions or device have changed since the run began.
        """
        trackers = parse_trackers(log)
        wanted = replace(self.folder.spec.limits, **limits_of(limits))
        session = prepare_resume(self.folder, executor=executor, address=address, moved=paths(settings or {}))
        work_in_python(self.folder, session, wanted, concurrency, address, progress, trackers)
        return self


def run(
    space: str | Path | Space,
    *,
    name: str | None = None,
    out: str | Path = "results",
    base: str | None = None,
    settings: Mapping[str, Any] | None = None,
    seeds: int = 1,
    search: str = "grid",
    scheduler: str = "fifo",
    executor: str = "ray",
    concurrency: int | None = None,
    address: str | None = None,
    use_cache: bool = True,
    progress: bool = True,
    log: Sequence[str] = (),
    **options: Any,
) -> Run:
    """Train and score the points of `space`, and return the run. The same call resumes an unfinished run.

    space: a name that `list_spaces` knows, the path of a space file, or a Space.
    settings: values and axes that override the space, for example {"epochs": 1, "lora.rank": sweep.grid(2, 8)}.
    log: names of trackers to log to, such as ["tensorboard"]; docs/other-tools.md says where.
    options: other options of `sweep run`, by the same names: num_samples, grace_period, reduction_factor,
        objective; metric (what ranks rows); cpus_per_trial, gpus_per_trial; budget ("30m", "40trials", "2gpuh"),
        trial_timeout and stall_timeout ("90s", or seconds), max_failures, keep.

    All arguments have the same meaning and default as the options of `sweep run`. Ctrl-C stops gracefully, and the
    returned run can be resumed. Raise SpaceError or RunError, before anything is written, if the input is invalid, and
    InfrastructureError if the disk or Ray fails.
    """
    trackers = parse_trackers(log)
    tune_options = taken(options, TuneConfig)
    limits = RunLimits(**limits_of(taken(options, RunLimits)))
    machine = taken(options, RunRequest)
    if options:
        known = [*TuneConfig.__dataclass_fields__, *RunLimits.__dataclass_fields__, *FURTHER_OPTIONS]
        raise TypeError(f"unknown option {next(iter(options))!r}. Known: {', '.join(known)}")
    request = RunRequest(
        space=space if isinstance(space, Space) else str(space),
        out=Path(out),
        name=name,
        base=resolve_base(base, Path(out)),
        settings=settings or {},
        tune_config=TuneConfig(seeds=seeds, search=search, scheduler=scheduler, **tune_options),
        limits=limits,
        executor=executor,
        address=address,
        use_cache=use_cache,
        command=("sweep.run", "space" if isinstance(space, Space) else str(space)),
        **machine,
    )
    prepared = prepare(request)
    folder = prepared.open_or_create()
    work_in_python(folder, prepared.spec, prepared.spec.limits, concurrency, address, progress, trackers)
    return Run(folder)


def open_run(run: str | Path, out: str | Path = "results") -> Run:
    """Return the run named `run` under `out`, or the run at the path `run`. Raise RunError if there is none."""
    return Run(find_run(Path(out), str(run)))


def list_runs(out: str | Path = "results") -> list[Run]:
    """Return every run under `out`, oldest first."""
    return [Run(folder) for folder in run_folder.list_runs(Path(out))]


def list_spaces() -> list[str]:
    """Return the names of the spaces in ./spaces and of those shipped with this package."""
    return list(space_paths())
