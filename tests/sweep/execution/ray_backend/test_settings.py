"""What the workers of a local Ray find in their environment."""

import os
import subprocess
import sys

import pytest

from sweep.execution.ray_backend import settings
from sweep.execution.ray_backend.settings import NUMPY_FEATURES, worker_environment

SORT = "import hashlib, numpy as np; x = np.random.default_rng(0).normal(size=(15, 3072)).astype(np.float32); "
PRINT = "print(hashlib.sha256(np.sort(x, axis=1).tobytes()).hexdigest())"
IN_A_WORKER = """
import os
from sweep.execution.ray_backend import executor
executor.worker_environment = lambda: {"NPY_DISABLE_CPU_FEATURES": "X86_V4"}
with executor.RayExecutor(concurrency=1, cpus_per_trial=1)._cluster():
    import ray  # after Ray's environment is set
    print(ray.get(ray.remote(lambda: os.environ.get("NPY_DISABLE_CPU_FEATURES")).remote()))
print(os.environ.get("NPY_DISABLE_CPU_FEATURES"))
"""


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NUMPY_FEATURES, raising=False)


def output(code: str, *options: str, **environment: str) -> list[str]:
    command = [sys.executable, *options, "-c", code]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_only_zen_4_sorts_without_avx_512(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "is_zen_4", lambda: False)
    assert worker_environment() == {}
    monkeypatch.setattr(settings, "is_zen_4", lambda: True)
    assert worker_environment() == {NUMPY_FEATURES: "X86_V4"}


def test_the_users_own_choice_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "is_zen_4", lambda: True)
    monkeypatch.setenv(NUMPY_FEATURES, "X86_V3")
    assert worker_environment() == {}


def test_numpy_sorts_the_same_without_avx_512() -> None:
    assert output(SORT + PRINT) == output(SORT + PRINT, "-W", "error", NPY_DISABLE_CPU_FEATURES="X86_V4")


@pytest.mark.slow
def test_workers_have_it_and_the_driver_does_not() -> None:
    assert output(IN_A_WORKER) == ["X86_V4", "None"]
