"""F4: one flipped bit in any file of a run, or in its inputs, is either harmless or an error that names the file.

If a checkpoint is damaged, the one before it is used. Derived files are rebuilt, and the result is the same.
"""

import json
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result

from model.pretrained.files import TINY
from sweep.errors import LedgerError
from sweep.execution.job import Job
from sweep.execution.trial import run_trial
from sweep.planning.plan import Plan
from sweep.reporting.leaderboard import load_rows
from sweep.store.run_folder import RunFolder
from tests.chaos.conftest import Repeat
from tests.sweep.conftest import essence
from tests.sweep.execution.test_trial import essence as told
from tests.sweep.execution.test_trial import job_of

pytestmark = pytest.mark.fault("F4")
Sweep = Callable[..., Result]


def flip(path: Path, seed: int, among: Sequence[int] | None = None) -> int:
    """Flip one bit of `path`, at a byte of `among`; the byte's position."""
    data, moments = bytearray(path.read_bytes()), random.Random(seed)
    position = moments.choice(among) if among is not None else moments.randrange(len(data))
    data[position] ^= 1 << moments.randrange(8)
    path.write_bytes(data)
    print(f"{path.name}: byte {position} of {len(data)}")
    return position


@pytest.fixture
def restored(tmp_path: Path) -> Callable[[Path], None]:
    """restored(path): put the first content of `path` back before each turn."""
    first: dict[Path, bytes] = {}

    def restore(path: Path) -> None:
        path.write_bytes(first.setdefault(path, path.read_bytes()))

    return restore


# A trial's checkpoint.


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "state.json", "manifest.json"])
def test_a_damaged_checkpoint_is_passed_over(name: str, micro_plan: Plan, tmp_path: Path, repeat: Repeat) -> None:
    point = micro_plan.points[3]
    trial = replace(micro_plan.trials[3], points=(replace(point, train=replace(point.train, epochs=3)),))
    job = job_of(trial, tmp_path / "job")
    whole = [told(report) for report in run_trial(job)]
    shutil.rmtree(job.checkpoints)
    begun = run_trial(job)
    next(begun), next(begun)
    begun.close()
    for seed in repeat(3, 20):
        again: Job = replace(job, checkpoints=str(tmp_path / f"{seed}"))
        shutil.copytree(job.checkpoints, again.checkpoints)
        flip(Path(again.checkpoints) / "2" / name, seed)
        assert [told(report) for report in run_trial(again)] == whole


# A run's folder.


def test_a_damaged_ledger_is_refused_with_its_line(
    finished: Path, sweep: Sweep, repeat: Repeat, restored: Callable[[Path], None]
) -> None:
    path = finished / "ledger.jsonl"
    inner = [index for index, byte in enumerate(path.read_bytes()) if byte != ord("\n")]
    for seed in repeat(3, 20):
        restored(path)
        position = flip(path, seed, inner)
        line = path.read_bytes()[:position].count(b"\n") + 1
        with pytest.raises(LedgerError, match=f"line {line}: damaged"):
            load_rows(RunFolder(finished))
        for command in ("report", "resume", "status"):
            result = sweep(command, finished.name)
            assert result.exit_code == 2
            assert f"line {line}: damaged" in result.stderr


def test_a_damaged_mark_is_refused(
    finished: Path, sweep: Sweep, repeat: Repeat, restored: Callable[[Path], None]
) -> None:
    path = finished / "run.json"
    spec, content = RunFolder(finished).spec, json.loads(path.read_bytes())
    for seed in repeat(3, 60):
        restored(path)
        flip(path, seed)
        result = sweep("report", finished.name, "--format", "csv")
        if result.exit_code == 0:  # a letter of a hexadecimal escape in upper case, a space for another
            assert json.loads(path.read_bytes()) == content
            assert RunFolder(finished).spec == spec
        else:
            assert result.exit_code == 2
            assert "run.json" in result.stderr
            assert "damaged" in result.stderr or "newer version" in result.stderr


@pytest.mark.parametrize("name", ["leaderboard.parquet", "samples.parquet"])
def test_damaged_derived_files_are_made_again(
    name: str, finished: Path, sweep: Sweep, repeat: Repeat, restored: Callable[[Path], None]
) -> None:
    path, expected = finished / name, essence(finished)
    shown = sweep("report", finished.name, "--format", "csv").stdout
    for seed in repeat(2, 20):
        restored(path)
        flip(path, seed)
        assert sweep("report", finished.name, "--format", "csv").stdout == shown
        assert sweep("resume", finished.name).exit_code == 0
        assert essence(finished) == expected


# What a run depends on.


@pytest.fixture
def on_a_folder(sweep: Sweep, micro: Path, out: Path, tmp_path: Path) -> Iterator[Path]:
    """The folder of a base that a run began with and has not done with."""
    shutil.copytree(TINY, tmp_path / "base")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("model.training.Training.evaluate", lambda *arguments: 1 / 0)
        assert sweep("run", micro, "--executor", "inline", "--base", tmp_path / "base").exit_code == 4
    yield tmp_path / "base"
    assert sweep("resume", "micro").exit_code == 0  # once all is as it was


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_base_that_changed_is_refused(
    name: str, on_a_folder: Path, sweep: Sweep, repeat: Repeat, restored: Callable[[Path], None]
) -> None:
    path = on_a_folder / name
    for seed in repeat(2, 20):
        restored(path)
        flip(path, seed)
        result = sweep("resume", "micro")
        assert result.exit_code == 2
        assert (
            "changed since this run began: base" in result.stderr
            or "damaged" in result.stderr
            or (str(path.parent) in result.stderr and name in result.stderr)
        ), result.stderr
    restored(path)


def test_data_that_changed_is_refused(
    micro: Path, poems: Path, sweep: Sweep, tmp_path: Path, repeat: Repeat, restored: Callable[[Path], None]
) -> None:
    path = tmp_path / "mine.txt"
    shutil.copy(poems, path)
    micro.write_text(micro.read_text().replace(str(poems), str(path)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("model.training.Training.evaluate", lambda *arguments: 1 / 0)
        assert sweep("run", micro, "--executor", "inline").exit_code == 4
    for seed in repeat(2, 20):
        restored(path)
        flip(path, seed)
        result = sweep("resume", "micro")
        assert result.exit_code == 2
        assert "changed since this run began: data" in result.stderr or str(path) in result.stderr
    restored(path)
    assert sweep("resume", "micro").exit_code == 0
