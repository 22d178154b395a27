"""Run requests: the GPU share, the requirements of searches, and invalid requests."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import Result

import sweep.prepare as module
from sweep.planning.config import TuneConfig
from sweep.planning.provenance import trace
from sweep.prepare import RunRequest, prepare

GIB = 2**30


@pytest.fixture
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], list[str]]:
    """A made-up GPU of 16 GiB, on which a trial takes as many GiB as the fixture is given. Keeps what was measured."""
    measured: list[str] = []

    def make(gibibytes: float) -> list[str]:
        def measure(point: object, threads: int, gpu: bool) -> SimpleNamespace:
            assert gpu
            measured.append(str(point.settings["lora.rank"]))  # type: ignore[attr-defined]
            return SimpleNamespace(peak_memory_bytes=int(gibibytes * GIB))

        monkeypatch.setattr("sweep.forecast.measure.measure", measure)
        monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
        monkeypatch.setattr("torch.cuda.get_device_properties", lambda index: SimpleNamespace(total_memory=16 * GIB))
        monkeypatch.setattr(module, "trace", lambda points, gpu, threads: trace(points, gpu=False, threads=threads))
        return measured

    return make


def test_auto_packs_as_many_as_fit(one_gpu: Callable[[float], list[str]], micro: Path, out: Path) -> None:
    measured = one_gpu(3.0)  # and a quarter more: four into 16
    spec = prepare(RunRequest(space=str(micro), out=out, gpus_per_trial="auto")).spec
    assert spec.gpus_per_trial == 0.25
    assert measured == ["2"]  # the heaviest, once


def test_auto_reports_if_no_trial_fits(one_gpu: Callable[[float], list[str]], sweep: Callable[..., Result]) -> None:
    one_gpu(15.0)
    result = sweep("run", "lora_rank", "--gpus-per-trial", "auto")
    assert result.exit_code == 2
    assert "smaller batch_size" in result.stderr


def test_tpe_refuses_axes_of_decoding(sweep: Callable[..., Result], out: Path) -> None:
    """A point that is drawn after its training has ended could not be scored any more."""
    arguments = ("run", "decoding", "--num-samples", "5", "--dry-run", "--search")
    result = sweep(*arguments, "tpe", "--objective", "metric")
    assert result.exit_code == 2
    assert "use --search random" in result.stderr
    assert sweep(*arguments, "random").exit_code == 0
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--search", "tpe"), "--num-samples N"),
        (("--num-samples", "5"), "--search random"),
        (("--grace-period", "2"), "--scheduler asha"),
        (("--objective", "metric"), "--scheduler asha"),
        (("--budget", "2gpuh"), "--gpus-per-trial"),
        (("--budget", "much"), "30m"),
        (("--stall-timeout", "10"), "90s"),
        (("--gpus-per-trial", "1.5"), "whole number"),
    ],
)
def test_incompatible_options_are_refused(
    sweep: Callable[..., Result], micro: Path, out: Path, arguments: tuple[str, ...], words: str
) -> None:
    result = sweep("run", micro, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not out.exists()


def test_a_search_is_another_run_than_a_grid(micro: Path, out: Path) -> None:
    grid = prepare(RunRequest(space=str(micro), out=out)).spec
    asha = prepare(RunRequest(space=str(micro), out=out, tune_config=TuneConfig(scheduler="asha"))).spec
    assert grid.plan.plan_id == asha.plan.plan_id
    assert grid.search_id != asha.search_id
