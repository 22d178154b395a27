"""Run requests: the GPU share, the requirements of searches, and invalid requests."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import Result

import sweep.prepare as module
from model.pretrained.files import TINY
from sweep import Space, open_run
from sweep.execution.gpus import GPUMemory
from sweep.planning.config import TuneConfig
from sweep.planning.machine import this_machine
from sweep.prepare import RunRequest, prepare

GIB = 2**30


@pytest.fixture
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], list[str]]:
    """A made-up GPU with 16 GiB free. A trial reserves what the fixture is given, and its context takes 0.5 GiB.

    Keep what was measured.
    """
    measured: list[str] = []

    def make(gibibytes: float) -> list[str]:
        def measure(point: object, threads: int, gpu: bool) -> SimpleNamespace:
            assert gpu
            measured.append(str(point.settings["lora.rank"]))  # type: ignore[attr-defined]
            return SimpleNamespace(gpu=GPUMemory(reserved=int(gibibytes * GIB), context=GIB // 2, free=16 * GIB))

        monkeypatch.setattr("sweep.forecast.packing.measure", measure)
        for place in ("gpu_checks", "gpus"):
            monkeypatch.setattr(f"sweep.execution.{place}.visible_gpus", lambda: [f"GPU-made-up-{os.getpid()}"])
        monkeypatch.setattr("sweep.forecast.packing.visible_gpus", lambda: [f"GPU-made-up-{os.getpid()}"])
        monkeypatch.setattr(module, "trial_machine", lambda gpus, cpus, address: this_machine(gpu=False))
        return measured

    return make


def test_auto_packs_as_many_as_fit(one_gpu: Callable[[float], list[str]], micro: Path, out: Path) -> None:
    measured = one_gpu(3.0)  # a tenth more and the context: 3.8 into 16
    spec = prepare(RunRequest(space=str(micro), out=out, gpus_per_trial="auto")).spec
    assert (spec.gpus_per_trial, spec.gpu_bytes) == (0.25, 4 * GIB - GIB // 2)
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
        (("--gpus-per-trial", "2"), "a trial computes on one GPU"),
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


def test_an_override_that_variants_do_not_share_is_said(
    poems: Path, out: Path, caplog: pytest.LogCaptureFixture
) -> None:
    space = Space(variants=[{}, {"lora.rank": 2}], fixed={"data": str(poems)})
    prepare(RunRequest(space=space, out=out, settings={"lora.rank": 4}))
    assert "--set lora.rank: applies to 1 of 2 variants" in caplog.text


# Identity: content, not spelling.


def test_two_spellings_of_one_file_are_one_point(sweep: Callable[..., Result], micro: Path, poems: Path) -> None:
    Path("poems.txt").write_bytes(poems.read_bytes())
    result = sweep("run", micro, "--dry-run", "--set", "data=poems.txt,./poems.txt")
    assert result.exit_code == 2
    assert "data poems.txt and base tiny, data ./poems.txt have the same content" in result.stderr


def spelled(poems: Path, *extra: str) -> tuple[str, ...]:
    return ("--executor", "inline", "--set", f"data={poems}", "--name", "r", *extra)


def test_a_named_run_may_spell_its_data_otherwise(
    sweep: Callable[..., Result], micro: Path, poems: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(poems.parent)
    assert sweep("run", micro, *spelled(Path("poems.txt"))).exit_code == 0
    again = sweep("run", micro, *spelled(poems))
    assert "r: 4 points: 4 COMPLETED" in again.stdout, again.output
    other = poems.with_name("other.txt")
    other.write_text(poems.read_text().replace("gentle", "bitter"))
    assert "with another space" in sweep("run", micro, *spelled(other)).stderr


@pytest.mark.parametrize("search", ["random", "tpe"])
def test_a_named_search_may_spell_its_base_otherwise(
    search: str, sweep: Callable[..., Result], micro: Path, poems: Path, out: Path
) -> None:
    shutil.copytree(TINY, "mine")
    options = spelled(poems, "--search", search, "--num-samples", "3")
    assert sweep("run", micro, *options, "--base", "tiny").exit_code == 0
    for base in ("./mine", "mine/", str(Path("mine").absolute())):
        assert "r: 3 points: 3 COMPLETED" in sweep("run", micro, *options, "--base", base).stdout


@pytest.fixture
def begun(
    sweep: Callable[..., Result], micro: Path, poems: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The folder in which the run `r` began and stopped after one trial, with its data and base in it."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(poems, home)
    shutil.copytree(TINY, home / "mine")
    monkeypatch.chdir(home)
    options = spelled(Path("poems.txt"), "--base", "mine", "--budget", "1trials")
    assert sweep("run", micro, *options).exit_code == 5
    monkeypatch.chdir(tmp_path / "work")
    return home


def test_a_run_resumes_from_any_folder(sweep: Callable[..., Result], begun: Path, out: Path) -> None:
    assert "4 COMPLETED" in sweep("resume", "r", "--budget", "9trials").stdout
    run = open_run(out / "r")
    model, _ = run.load_model()
    assert model.config.n_positions == 256


def test_a_run_whose_data_moved_says_where_they_were(sweep: Callable[..., Result], begun: Path, poems: Path) -> None:
    (begun / "poems.txt").rename(begun / "verses.txt")
    refused = sweep("resume", "r")
    assert refused.exit_code == 2
    assert f"the data poems.txt of this run was read from {begun / 'poems.txt'}" in refused.stderr
    assert "sweep resume r" in refused.stderr
    assert "--set data=PATH" in refused.stderr
    (begun / "poems.txt").write_text(poems.read_text().replace("gentle", "bitter"))
    assert "its content is not that of the data" in sweep("resume", "r", "--set", f"data={begun / 'poems.txt'}").stderr
    assert "No such file" in sweep("resume", "r", "--set", "data=nowhere.txt").stderr
    assert "a run keeps its settings" in sweep("resume", "r", "--set", "lr=0.1").stderr
    there = sweep("resume", "r", "--budget", "2trials", "--set", f"data={begun / 'verses.txt'}")
    assert there.exit_code == 5, there.output
    assert "4 COMPLETED" in sweep("resume", "r", "--budget", "9trials").stdout, "the new place is remembered"


def test_a_run_whose_base_moved_takes_the_new_place(sweep: Callable[..., Result], begun: Path, out: Path) -> None:
    (begun / "mine").rename(begun / "moved")
    assert "--set base=PATH" in sweep("resume", "r").stderr
    run = open_run(out / "r").resume(settings={"base": begun / "moved"}, budget="9trials", progress=False)
    assert run.status().is_done
    assert run.load_model()[0].config.n_positions == 256


def test_settings_of_the_configuration_file_are_not_for_resume(sweep: Callable[..., Result], begun: Path) -> None:
    Path("sweep.toml").write_text('set = ["epochs=2"]\n')
    assert "4 COMPLETED" in sweep("resume", "r", "--budget", "9trials").stdout


def test_a_run_resumes_after_its_working_folder_was_moved(
    sweep: Callable[..., Result], begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(begun.rename(begun.with_name("elsewhere")))
    assert "4 COMPLETED" in sweep("resume", "r", "--budget", "9trials").stdout


def test_a_run_records_both_commits(sweep: Callable[..., Result], begun: Path, out: Path) -> None:
    provenance = json.loads((out / "r" / "run.json").read_text())["provenance"]
    assert provenance["folder_commit"] is None
    assert "tool_commit" in provenance
    assert provenance["data"]["sonnets:poems.txt"]["place"] == str(begun / "poems.txt")


def test_a_precision_that_the_device_lacks_is_refused(sweep: Callable[..., Result], micro: Path, out: Path) -> None:
    refused = sweep("run", micro, "--set", "precision=tf32")
    assert (refused.exit_code, "precision: tf32 exists on NVIDIA GPUs only" in refused.output) == (2, True)
    assert not list(out.glob("*"))
