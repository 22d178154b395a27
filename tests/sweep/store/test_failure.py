"""How exceptions are classified into the failures on the leaderboard."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import Result

from sweep.execution.trial import TrialReport, run_trial
from sweep.planning.plan import Plan
from sweep.store.failure import Failure, classify
from sweep.store.heartbeat import SupersededError
from sweep.store.status import Status
from tests.sweep.execution.test_trial import job_of

ALLOCATOR = (
    "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate"
)
ERRORS = {
    "python's own": (MemoryError("too large"), Failure.OUT_OF_HOST_MEMORY),
    "torch on a CPU": (RuntimeError(ALLOCATOR), Failure.OUT_OF_HOST_MEMORY),
    "torch on a GPU": (torch.OutOfMemoryError("CUDA out of memory."), Failure.OUT_OF_GPU_MEMORY),
    **{
        text: (error(text), Failure.OUT_OF_GPU_MEMORY)
        for error, text in (
            (torch.AcceleratorError, "CUDA error: out of memory\nCUDA kernel errors might be reported asynchronously"),
            (RuntimeError, "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
            (RuntimeError, "cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate(handle)`"),
            (RuntimeError, "CUDA out of memory. Tried to allocate 2.00 GiB"),
        )
    },
    **{
        text: (error(text), Failure.WORKER_LOST)
        for error, text in (
            (torch.AcceleratorError, "CUDA error: an illegal memory access was encountered"),
            (torch.AcceleratorError, "CUDA error: device-side assert triggered"),
            (RuntimeError, "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(...)`"),
            (RuntimeError, "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"),
            (RuntimeError, "No CUDA GPUs are available"),
        )
    },
    "a text of the user": (ValueError("data says: CUDA error: out of memory"), Failure.ERROR),
    "a mistake": (ValueError("memory of another kind"), Failure.ERROR),
    "a full disk": (OSError(28, "No space left on device"), Failure.ERROR),
}


@pytest.mark.parametrize("case", ERRORS)
def test_an_exception_has_its_kind(case: str) -> None:
    error, failure = ERRORS[case]
    assert classify(error) is failure


def test_out_of_memory_errors_are_recognized() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50)
    assert classify(caught.value) is Failure.OUT_OF_HOST_MEMORY


def test_only_lost_workers_are_tried_again() -> None:
    assert [failure for failure in Failure if failure.is_retried] == [Failure.WORKER_LOST]


@pytest.mark.parametrize("case", ERRORS)
def test_a_trial_that_fails_reports_it(
    micro_plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    error, failure = ERRORS[case]

    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr("model.training.Training.evaluate", fail)
    *_, last = run_trial(job_of(micro_plan.trials[0], tmp_path))
    assert (last.status, last.failure) == (Status.FAILED, failure)
    assert last.reason == f"{type(error).__name__}: {error}"
    assert last.breaks_worker is (failure is Failure.WORKER_LOST)
    assert TrialReport.from_json(last.to_json()) == last


def test_a_worker_that_another_has_replaced_is_lost(
    micro_plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise SupersededError("attempt 2 has taken over from attempt 1")

    monkeypatch.setattr("sweep.execution.trial.hold_lease", fail)
    (last,) = run_trial(job_of(micro_plan.trials[0], tmp_path))
    assert (last.status, last.failure) == (Status.FAILED, Failure.WORKER_LOST)


@pytest.mark.parametrize("case", [case for case in ERRORS if ERRORS[case][1] is not Failure.WORKER_LOST])
def test_the_leaderboard_has_the_kind_in_a_column(
    sweep: Callable[..., Result], micro: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    error, failure = ERRORS[case]

    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr("model.training.Training.evaluate", fail)
    assert sweep("run", micro, "--executor", "inline", "--set", "lora.rank=1").exit_code == 4
    rows = json.loads(sweep("report", "--format", "json").stdout)
    assert [(row["status"], row["failure"], row["attempt"]) for row in rows] == [("FAILED", failure, 1)] * 2
