"""F13: NaN, infinity or a failing decomposition at a chosen step: the trial survives, or fails with a reason.

F11: out of memory: the trial fails with a reason, and the other trials continue.
"""

import math
import random
import resource
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.linalg import LinAlgError

from model.methods.lora import lora_layers
from model.training import Training
from sweep.reporting.leaderboard import load_rows
from sweep.store.failure import Failure
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state
from sweep.store.status import Status
from sweep.testing import ScriptedExecutor, complete
from tests.chaos.conftest import Repeat, Whole
from tests.chaos.hooks import greedy
from tests.chaos.in_process import new_run, session
from tests.chaos.invariants import check, check_end, says
from tests.chaos.processes import Commands

NUMBERS = [pytest.param(math.nan, id="nan"), pytest.param(math.inf, id="inf", marks=pytest.mark.chaos)]


@pytest.fixture
def run(micro: Path, out: Path) -> RunFolder:
    return new_run(micro, out, "epochs=4")


def at_step(patch: pytest.MonkeyPatch, number: int, spoil: Callable[[Training], None]) -> None:
    """Let `spoil` happen to the training that takes the `number`-th step of all, behind that step."""
    step, numbers = Training._step, iter(range(1, 10**6))

    def spoiled(training: Training, batch: Any) -> Any:
        result = step(training, batch)
        if next(numbers) == number:
            spoil(training)
        return result

    patch.setattr(Training, "_step", spoiled)


def one_diverged(run: RunFolder, split: str = "") -> None:
    """One trial diverged and says how; the three others are done."""
    check(run.path)
    rows = load_rows(run)
    assert sorted(row["status"] for row in rows) == [Status.COMPLETED] * 3 + [Status.DIVERGED]
    (row,) = (row for row in rows if row["status"] is Status.DIVERGED)
    assert f"{split} loss became" in row["stop_reason"]
    assert not math.isfinite(row["train_loss"])
    assert row.get("rank") is None
    ledger = run.ledger.read_bytes()
    session(run)
    assert run.ledger.read_bytes().startswith(ledger), "what diverged is not tried again"
    assert load_state(run).trials[row["trial_id"]].attempt == 1


@pytest.mark.fault("F13")
@pytest.mark.parametrize("value", NUMBERS)
def test_a_loss(value: float, run: RunFolder, monkeypatch: pytest.MonkeyPatch, count: Callable[[int], None]) -> None:
    step, numbers = Training._step, iter(range(1, 10**6))

    def spoiled(training: Training, batch: Any) -> tuple[Tensor, int]:
        loss, targets = step(training, batch)
        return (torch.tensor(value) if next(numbers) == 5 else loss), targets

    monkeypatch.setattr(Training, "_step", spoiled)
    session(run)
    one_diverged(run, "train")
    count(1)


@pytest.mark.fault("F13")
@pytest.mark.parametrize("value", NUMBERS)
def test_a_gradient(
    value: float, run: RunFolder, monkeypatch: pytest.MonkeyPatch, count: Callable[[int], None]
) -> None:
    from model.optim.adamw import AdamW

    step, numbers = AdamW.step, iter(range(1, 10**6))

    def spoiled(optimizer: AdamW, *arguments: Any) -> Any:
        if next(numbers) == 5:
            optimizer.param_groups[0]["params"][0].grad.view(-1)[0] = value
        return step(optimizer, *arguments)

    monkeypatch.setattr(AdamW, "step", spoiled)
    session(run)
    one_diverged(run)
    count(1)


@pytest.mark.fault("F13")
@pytest.mark.parametrize("value", NUMBERS)
def test_a_dev_loss(
    value: float, run: RunFolder, monkeypatch: pytest.MonkeyPatch, count: Callable[[int], None]
) -> None:
    dev_loss, numbers = Training.dev_loss, iter(range(1, 10**6))
    monkeypatch.setattr(Training, "dev_loss", lambda self: value if next(numbers) == 4 else dev_loss(self))
    session(run)
    one_diverged(run, "dev")
    count(1)


@pytest.mark.fault("F13")
@pytest.mark.parametrize("value", NUMBERS)
def test_a_factor_of_lora(
    value: float, run: RunFolder, monkeypatch: pytest.MonkeyPatch, count: Callable[[int], None]
) -> None:
    def spoil(training: Training) -> None:
        layer = next(lora_layers(training.model))
        with torch.no_grad():
            next(p for p in layer.parameters() if p.requires_grad).view(-1)[0] = value

    at_step(monkeypatch, 5, spoil)
    session(run)
    one_diverged(run)
    count(1)


# SOAP keeps the basis it has where a new one cannot be computed, and counts that.


@pytest.fixture
def soap(micro: Path, out: Path) -> RunFolder:
    return new_run(micro, out, "epochs=12", "optimizer=soap")  # a refresh of the bases is every tenth step


def refuse(*arguments: Any, **named: Any) -> Tensor:
    raise LinAlgError("did not converge")


def spoiled_qr(matrix: Tensor, real: Callable[[Tensor], Any]) -> Any:
    factors = real(matrix)
    return type(factors)((torch.full_like(factors[0], math.nan), factors[1]))


FAILURES = {
    "eigh raises": ("eigh", lambda real: refuse),
    "qr raises": ("qr", lambda real: refuse),
    "qr gives nan": ("qr", lambda real: partial(spoiled_qr, real=real)),
}


@pytest.mark.fault("F13")
@pytest.mark.parametrize("name", FAILURES)
def test_a_decomposition(
    name: str, soap: RunFolder, monkeypatch: pytest.MonkeyPatch, count: Callable[[int], None]
) -> None:
    function, bad = FAILURES[name]
    real = getattr(torch.linalg, function)
    monkeypatch.setattr(torch.linalg, function, bad(real))
    session(soap)
    check(soap.path)
    rows = load_rows(soap)
    assert [row["status"] for row in rows] == [Status.COMPLETED] * 4
    assert all(row["precond_fallbacks"] > 0 and math.isfinite(row["dev_loss"]) for row in rows)
    count(1)


@pytest.mark.fault("F13")
def test_a_gradient_of_soap(soap: RunFolder, monkeypatch: pytest.MonkeyPatch, count: Callable[[int], None]) -> None:
    from model.optim.soap import SOAP

    step, numbers = SOAP.step, iter(range(1, 10**6))

    def spoiled(optimizer: SOAP) -> Any:
        if next(numbers) == 5:
            optimizer.param_groups[0]["params"][0].grad.view(-1)[0] = math.nan
        return step(optimizer)

    monkeypatch.setattr(SOAP, "step", spoiled)
    session(soap)
    one_diverged(soap)
    count(1)


# Memory.


@pytest.mark.fault("F11")
def test_more_memory_than_there_is(
    commands: Commands, micro: Path, tmp_path: Path, whole: Whole, repeat: Repeat
) -> None:
    """One trial asks for a terabyte under a limit: it fails with the reason; a resume without its greed is whole."""
    settings = ("--set", "epochs=4", "--executor", "inline", "--no-cache", "--name", "r", "--out")
    limits = {resource.RLIMIT_AS: 16 * 2**30}
    for seed in repeat(1, 3):
        out = tmp_path / f"{seed}"
        hook = partial(greedy, random.Random(seed).randint(1, 5))  # the base, then four trials
        says(commands("run", micro, *settings, out, hook=hook, limits=limits), 3, "FAILED", "allocate")
        before = check(out / "r")
        assert commands.run("resume", "r", "--out", out).wait() == 0
        check_end(out / "r", whole(*settings[:2]), before)


@pytest.mark.fault("F11")
@pytest.mark.parametrize("number", [1, pytest.param(3, marks=pytest.mark.chaos)])
def test_a_worker_that_the_system_ended_for_its_memory(
    number: int, run: RunFolder, count: Callable[[int], None]
) -> None:
    """Made up: an executor tells of it. The same settings would take as much again, so only a resume tries again."""
    victim = run.spec.plan.trials[number].trial_id

    def act(job: Any, listener: Any) -> None:
        if job.trial_id == victim:
            listener.started(job)
            listener.lost(job, Failure.OUT_OF_HOST_MEMORY, "the worker used too much")
        else:
            complete(job, listener)

    session(run, ScriptedExecutor(act), max_failures=2)
    check(run.path)
    trial = load_state(run).trials[victim]
    assert (trial.status, trial.attempt) == (Status.FAILED, 1)
    assert trial.failure == Failure.OUT_OF_HOST_MEMORY
    assert sorted(row["status"] for row in load_rows(run)).count(Status.COMPLETED) >= 3
    session(run, ScriptedExecutor(complete))
    assert [row["status"] for row in load_rows(run)] == [Status.COMPLETED] * 4
    check(run.path)
    count(1)
