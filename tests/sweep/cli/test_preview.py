"""The output of a dry run."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Sweep = Callable[..., Result]
SPACE = '''"""A space to look at beforehand."""

from sweep import Space, choice, grid, loguniform

space = Space(
    fixed={{"batch_size": 2, "data": {data!r}}},
    milestones=(1, 3),
    axes={{"lora.rank": grid(1, 2), "lr": {lr}}},
    decoding={{"max_new_tokens": 2}},
)
'''


@pytest.fixture
def make_space(tmp_path: Path, poems: Path) -> Callable[[str], Path]:
    def make(lr: str) -> Path:
        path = tmp_path / "ahead.py"
        path.write_text(SPACE.format(data=str(poems), lr=lr))
        return path

    return make


def lines(result: Result) -> dict[str, str]:
    """What stands behind each line's first word."""
    assert result.exit_code == 0, result.output
    return {first: rest.strip() for first, _, rest in (line.partition(" ") for line in result.stdout.splitlines())}


def test_a_grid(sweep: Sweep, make_space: Callable[[str], Path], out: Path) -> None:
    said = lines(sweep("run", make_space("grid(0.1, 0.2, 0.3)"), "--dry-run"))
    assert said["space"] == "ahead: A space to look at beforehand."
    assert said["points"] == "12"
    assert said["trials"] == "6, 18 epochs in total"
    assert said["shared"].startswith("6 epochs saved by sharing trials: 12 of 48 forward passes of training (25%)")
    assert said["cached"].startswith("0 points")
    assert {"search", "scheduler"}.isdisjoint(said)
    assert not out.exists()


def test_seeds_multiply_a_grid(sweep: Sweep, make_space: Callable[[str], Path]) -> None:
    assert lines(sweep("run", make_space("grid(0.1)"), "--seeds", "3", "--dry-run"))["trials"].startswith("6,")


@pytest.mark.parametrize("scheduler", ["asha", "asha-promote"])
def test_a_scheduler_makes_it_less(sweep: Sweep, make_space: Callable[[str], Path], scheduler: str) -> None:
    said = lines(sweep("run", make_space("grid(0.1, 0.2)"), "--scheduler", scheduler, "--dry-run"))
    assert said["scheduler"] == f"{scheduler}: upper bounds follow, as most trials will be stopped early"
    assert said["trials"] == "4, 12 epochs in total"


@pytest.mark.parametrize("search", ["random", "tpe"])
def test_preview_counts_the_samples_of_a_search(
    sweep: Sweep, make_space: Callable[[str], Path], out: Path, search: str
) -> None:
    options = ["--search", search, "--num-samples", "5", "--seeds", "2", "--dry-run"]
    said = lines(sweep("run", make_space("loguniform(0.01, 0.1)"), *options))
    assert said["points"] == "20"
    assert said["trials"] == "10, 30 epochs in total"
    if search == "tpe":
        assert said["search"] == "tpe: what follows is estimated from 5 random points"
    assert not out.exists()


def test_a_search_of_a_space_with_fewer_points(sweep: Sweep, make_space: Callable[[str], Path]) -> None:
    said = lines(sweep("run", make_space("choice(0.1, 0.2)"), "--search", "tpe", "--num-samples", "50", "--dry-run"))
    assert said["search"] == "tpe: what follows is estimated from 4 random points"
    assert said["points"] == "8"


def test_preview_counts_cached_points(sweep: Sweep, finished: Path, micro: Path) -> None:
    said = lines(sweep("run", micro, "--set", "lora.rank=2,3", "--dry-run"))
    assert said["cached"] == "2 points computed by earlier runs"
    assert lines(sweep("run", micro, "--no-cache", "--dry-run"))["cached"].startswith("0 points")


def test_measure_trains_one_epoch(sweep: Sweep, micro: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []

    def measure(point: object, threads: int, gpu: bool) -> None:
        measured.append((point, threads, gpu))

    monkeypatch.setattr("sweep.cli.preview.measure", measure)
    lines(sweep("run", micro, "--dry-run"))
    assert measured == []
    lines(sweep("run", micro, "--dry-run", "--measure", "--cpus-per-trial", "2"))
    ((_, threads, gpu),) = measured
    assert (threads, gpu) == (2, False)
    assert not out.exists()
