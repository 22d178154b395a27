"""Progress of a run on stderr: a live table on a terminal, one line per state change elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from model.task_specs import TASKS
from sweep.execution.driver import ProgressReporter
from sweep.planning.plan import Plan, Trial
from sweep.reporting.settings import informative_keys
from sweep.reporting.terminal import COLOURS
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, TrialState, full_plan
from sweep.store.status import Status

VISIBLE_ROWS = 20


class LineReporter:
    """One line per state change, for logs and pipes."""

    def __init__(self, folder: RunFolder, console: Console) -> None:
        self.facts = ProgressState(folder)
        self.console = console

    def changed(self, state: RunState, trial_id: str) -> None:
        facts, trial = self.facts, state.trial(trial_id)
        facts.follow(state)
        epoch = max(trial.epochs, default=0)
        words = [f"{facts.finished(state)}/{len(facts.trials)}", trial_id, trial.status, facts.label(trial_id)]
        if trial_id in facts.trials and epoch:
            words.append(f"epoch {epoch}/{facts.trials[trial_id].epochs}")
            words.append(f"dev_loss {trial.epochs[epoch]['losses']['dev_loss']:.4f}")
        words += facts.scores(state, trial_id)
        if trial.reason:
            words.append(f"({trial.reason})")
        self._say("  ".join(word for word in words if word))

    def note(self, message: str) -> None:
        self._say(message)

    def _say(self, text: str) -> None:
        self.console.print(f"{time.strftime('%H:%M:%S')}  {text}", markup=False, highlight=False, soft_wrap=True)


class LiveReporter:
    """A table that redraws itself: running trials first, then what ended last."""

    def __init__(self, folder: RunFolder, live: Live) -> None:
        self.facts = ProgressState(folder)
        self.live = live

    def changed(self, state: RunState, trial_id: str) -> None:
        self.facts.follow(state)
        self.live.update(Group(self._table(state), self._footer(state)))

    def note(self, message: str) -> None:
        self.live.console.print(message, markup=False, highlight=False)

    def _table(self, state: RunState) -> Table:
        facts = self.facts
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("status", *facts.keys, "epoch", "dev_loss", facts.metric, "seconds"):
            table.add_column(name, justify="left" if name == "status" else "right")
        started = [trial_id for trial_id in facts.trials if state.trial(trial_id).status != Status.PENDING]
        running = [trial_id for trial_id in started if state.trial(trial_id).status == Status.RUNNING]
        ended = sorted(set(started) - set(running), key=lambda trial_id: state.trial(trial_id).ended_at or "")
        for trial_id in [*running, *reversed(ended)][:VISIBLE_ROWS]:
            table.add_row(*self._cells(state, trial_id))
        return table

    def _cells(self, state: RunState, trial_id: str) -> list[str]:
        trial, planned = state.trial(trial_id), self.facts.trials[trial_id]
        epoch = max(trial.epochs, default=0)
        losses: dict[str, Any] = dict(trial.epochs[epoch]["losses"]) if epoch else {}
        status = f"[{COLOURS.get(trial.status, 'white')}]{trial.status}[/]"
        settings = [escape(str(planned.points[0].settings.get(key, ""))) for key in self.facts.keys]
        best = self.facts.best(state, trial_id)
        return [
            status,
            *settings,
            f"{epoch}/{planned.epochs}",
            f"{losses['dev_loss']:.4f}" if losses else "",
            "" if best is None else f"{best:.3f}",
            f"{losses['train_seconds']:.0f}" if losses else "",
        ]

    def _footer(self, state: RunState) -> RenderableType:
        facts = self.facts
        left = facts.seconds_left(state)
        done = f"{facts.finished(state)} of {len(facts.trials)} trainings done, {len(state.cached)} points cached"
        return Text(
            done
            + (
                f", about {left:.0f} s left"
                if left and left < 90
                else f", about {left / 60:.0f} min left"
                if left
                else ""
            )
        )


class ProgressState:
    """What the views need to know of a run, worked out once."""

    def __init__(self, folder: RunFolder) -> None:
        self.spec = folder.spec
        self.began = time.monotonic()
        self.epochs_before: int | None = None
        self.drawn = 0
        self._take(folder.spec.plan)

    def follow(self, state: RunState) -> None:
        """Take up the points that a search has drawn since."""
        if len(state.suggestions) != self.drawn:
            self.drawn = len(state.suggestions)
            self._take(full_plan(self.spec, state))

    def _take(self, plan: Plan) -> None:
        self.trials: dict[str, Trial] = {trial.trial_id: trial for trial in plan.trials}
        self.keys = [
            key for key in informative_keys([trial.points[0].settings for trial in plan.trials]) if key != "epochs"
        ]
        self.metric = TASKS[plan.points[0].train.task].metric if plan.points else ""

    def label(self, trial_id: str) -> str:
        """The settings that tell a trial from the others, in words."""
        if trial_id not in self.trials:
            return "the un-tuned base"
        settings = self.trials[trial_id].points[0].settings
        return " ".join(f"{key}={settings[key]}" for key in self.keys if key in settings)

    def finished(self, state: RunState) -> int:
        return sum(self._is_done(state, trial) for trial in self.trials.values())

    def scores(self, state: RunState, trial_id: str) -> list[str]:
        """The metric of a trial's points that are scored."""
        best = self.best(state, trial_id)
        return [] if best is None else [f"{self.metric} {best:.3f}"]

    def best(self, state: RunState, trial_id: str) -> float | None:
        """The best metric of a trial's points so far."""
        if trial_id not in self.trials:
            return None
        found = [state.scores[p.point_id] for p in self.trials[trial_id].points if p.point_id in state.scores]
        return max((float(score["metrics"][self.metric]) for score in found), default=None)

    def seconds_left(self, state: RunState) -> float | None:
        """Seconds until the end at this session's pace, or None before there is one."""
        done = sum(self._epochs(state.trial(trial_id)) for trial_id in self.trials)
        if self.epochs_before is None:
            self.epochs_before = done
        gained = done - self.epochs_before
        left = sum(
            trial.epochs - self._epochs(state.trial(trial.trial_id))
            for trial in self.trials.values()
            if not self._is_done(state, trial)
        )
        return left * (time.monotonic() - self.began) / gained if gained else None

    @staticmethod
    def _epochs(trial: TrialState) -> int:
        return max(trial.epochs, default=0)

    @staticmethod
    def _is_done(state: RunState, trial: Trial) -> bool:
        cached = all(point.point_id in state.cached for point in trial.points)
        return cached or not state.trial(trial.trial_id).status.is_open


@contextmanager
def progress_reporter(folder: RunFolder, console: Console) -> Iterator[ProgressReporter]:
    """The view that suits `console`: a live table on a terminal, lines elsewhere."""
    if not console.is_terminal:
        yield LineReporter(folder, console)
        return
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        yield LiveReporter(folder, live)
