"""F3: events in any order: the ledger agrees with a model in memory, also after a crash.

Hypothesis generates the orders. Workers start trials, report, report twice or late, stop, fail, diverge and are lost;
the driver stops gracefully or crashes, with or without a torn line, and is started again.
"""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sweep.execution.job import Job
from sweep.execution.trial import TrialReport
from sweep.planning.plan import group
from sweep.store.ledger import read_ledger
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state
from sweep.store.status import Status
from sweep.testing import ScriptedExecutor, complete, fake_report
from tests.chaos.in_process import Puppet, new_run, session

pytestmark = pytest.mark.fault("F3")
EPOCHS = 4
MAX_FAILURES = 1
TORN = (b"", b"{", b'{"seq":9,"time":"2026', b"\x00" * 40, b'{"seq":1,"event":"epoch","crc":"00000000"}')
TRIAL = st.integers(0, 9)  # an index into whatever there is to choose from


@dataclass
class Known:
    """What the model knows of a trial."""

    epochs: int  # to train
    status: Status = Status.PENDING
    attempt: int = 0
    told: dict[int, float] = field(default_factory=dict)  # epoch -> dev loss of its first informative_keys
    lost: int = 0  # workers, in this session
    old: bool = False  # it failed in an earlier session, or its worker was lost

    @property
    def due(self) -> bool:
        """Whether a worker may be given it."""
        again = self.status is Status.FAILED and (self.old or 0 < self.lost <= MAX_FAILURES)
        return self.status in (Status.PENDING, Status.INTERRUPTED) or again


class Machine(RuleBasedStateMachine):
    """Rules and invariants; `template` is a run that has not begun."""

    template: ClassVar[Path]

    @initialize()
    def create(self) -> None:
        self.home = Path(tempfile.mkdtemp())
        shutil.copytree(self.template, self.home / "r")
        self.folder = RunFolder(self.home / "r")
        plan = self.folder.spec.plan
        self.trials = {t.trial_id: Known(t.epochs) for t in group((*plan.baselines, *plan.points))}
        self.running: list[Job] = []
        self.over: list[Job] = []  # jobs that have ended: what they tell now is late
        self.puppet = Puppet(self.folder, MAX_FAILURES)

    def known(self, job: Job) -> Known:
        return self.trials[job.trial_id]

    def end(self, job: Job, status: Status) -> None:
        self.known(job).status = status
        self.running.remove(job)
        self.over.append(job)

    def tell(self, job: Job, told: TrialReport) -> None:
        """Report an epoch. What the model keeps is its first informative_keys."""
        self.puppet.tell(job, told)
        if told.losses:
            self.known(job).told.setdefault(told.epoch, told.losses.dev_loss)
        if told.status is not None:
            self.known(job).old = False
            self.end(job, told.status)

    # What a worker does.

    @precondition(lambda self: self.puppet.working)
    @rule()
    def take(self) -> None:
        job = self.puppet.take()
        if job is None:
            return
        known = self.known(job)
        assert known.due, (job.trial_id, known)
        assert job.attempt == known.attempt + 1
        assert job.known_epoch == max(known.told, default=0)
        known.status, known.attempt = Status.RUNNING, job.attempt
        self.running.append(job)

    @precondition(lambda self: self.running)
    @rule(which=TRIAL)
    def go_on(self, which: int) -> None:
        job = self.running[which % len(self.running)]
        known = self.known(job)
        epoch = min(max(known.told, default=0) + 1, known.epochs)
        self.tell(job, fake_report(job, epoch, Status.COMPLETED if epoch == known.epochs else None))

    @precondition(lambda self: any(self.known(job).told for job in self.running))
    @rule(which=TRIAL, loss=st.floats(0, 9))
    def tell_twice(self, which: int, loss: float) -> None:
        jobs = [job for job in self.running if self.known(job).told]
        job = jobs[which % len(jobs)]
        again = fake_report(job, max(self.known(job).told))
        self.tell(job, fake_report(job, again.epoch, dev_loss=loss))

    @precondition(lambda self: self.over and self.puppet.working)
    @rule(which=TRIAL, how=st.sampled_from(["report", "end", "lost"]))
    def tell_late(self, which: int, how: str) -> None:
        job = self.over[which % len(self.over)]
        before = self.folder.ledger.read_bytes()
        if how == "lost":
            self.puppet.lose(job, "late")
        else:
            self.puppet.tell(job, fake_report(job, EPOCHS, Status.COMPLETED if how == "end" else None))
        assert self.folder.ledger.read_bytes() == before

    @precondition(lambda self: self.running)
    @rule(which=TRIAL, status=st.sampled_from([Status.FAILED, Status.DIVERGED, Status.STOPPED]))
    def end_early(self, which: int, status: Status) -> None:
        job = self.running[which % len(self.running)]
        self.tell(job, TrialReport(epoch=max(self.known(job).told, default=0), status=status))

    @precondition(lambda self: self.running)
    @rule(which=TRIAL)
    def lose(self, which: int) -> None:
        job = self.running[which % len(self.running)]
        self.puppet.lose(job, "killed")
        known = self.known(job)
        known.lost, known.old = known.lost + 1, False
        self.end(job, Status.FAILED)

    # What a driver does.

    @precondition(lambda self: self.puppet.working and not self.running)
    @rule()
    def leave(self) -> None:
        """The executor has nothing more to do."""
        while (job := self.puppet.take()) is not None:
            self.known(job).status, self.known(job).attempt = Status.RUNNING, job.attempt
            self.running.append(job)
            self.lose(0)
        self.puppet.leave()
        if not self.puppet.working:
            self.resume()

    @precondition(lambda self: self.puppet.working)
    @rule()
    def stop(self) -> None:
        self.puppet.stop()
        self.resume()

    @precondition(lambda self: self.puppet.working)
    @rule(torn=st.sampled_from(TORN))
    def crash(self, torn: bytes) -> None:
        kept = self.folder.ledger.read_bytes()
        self.puppet.crash()
        self.folder.ledger.write_bytes(kept + torn)  # a driver that is gone tidies nothing up
        self.resume()

    def resume(self) -> None:
        """A new session: what ran is interrupted, what failed is tried again."""
        for known in self.trials.values():
            known.status = Status.INTERRUPTED if known.status is Status.RUNNING else known.status
            known.lost, known.old = 0, known.status is Status.FAILED
        self.over += self.running
        self.running.clear()
        self.puppet = Puppet(self.folder, MAX_FAILURES)
        assert self.puppet.working == any(known.due for known in self.trials.values())  # else no executor is started

    @precondition(lambda self: not self.puppet.working)
    @rule()
    def come_again(self) -> None:
        """All is done, and one more session changes nothing."""
        self.resume()

    # What holds at any moment.

    @invariant()
    def the_ledger_says_what_the_model_says(self) -> None:
        state = load_state(self.folder)
        for name, known in self.trials.items():
            trial = state.trial(name)
            assert (trial.status, trial.attempt) == (known.status, known.attempt), name
            assert {epoch: told.losses.dev_loss for epoch, told in trial.epochs.items()} == known.told, name
        assert set(state.trials) <= set(self.trials)

    @invariant()
    def sequence_numbers_have_no_gap(self) -> None:
        numbers = [event.seq for event in read_ledger(self.folder.ledger)]
        assert numbers == list(range(1, len(numbers) + 1))

    def teardown(self) -> None:
        if self.puppet.working:
            self.puppet.crash()
        session(self.folder, ScriptedExecutor(complete))
        ended = {trial.status for trial in load_state(self.folder).trials.values()}
        assert ended <= {Status.COMPLETED, Status.DIVERGED, Status.STOPPED}
        shutil.rmtree(self.home)


@pytest.mark.timeout(600)
def test_events_in_any_order(
    micro: Path, out: Path, full: bool, count: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    examples, steps = (300, 50) if full else (15, 30)
    folder = new_run(micro, out, f"epochs={EPOCHS}")

    class Here(Machine):
        template = folder.path

    options: dict[str, Any] = {"database": None, "deadline": None, "derandomize": True, "print_blob": True}
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, suppress_health_check=list(HealthCheck), **options
        ),
    )
    count(examples)
