"""Finding the run that a command refers to."""

from pathlib import Path

import pytest

from sweep.errors import RunError
from sweep.prepare import RunRequest, prepare
from sweep.store.locate import find_run, find_run_or_latest
from sweep.store.run_folder import RunFolder


@pytest.fixture
def run(micro: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run at results/micro, seen from the folder that holds results."""
    monkeypatch.chdir(tmp_path)
    return prepare(RunRequest(space=str(micro), out=Path("results"))).open_or_create()


@pytest.mark.parametrize("text", ["micro", "results/micro", "results/micro/", "./results/micro"])
def test_a_run_is_found_by_name_and_by_path(run: RunFolder, text: str) -> None:
    found = find_run(Path("results"), text)
    assert found.path == run.path
    assert found.command("resume") == "sweep resume micro"


def test_a_path_may_lie_outside_of_out(run: RunFolder, tmp_path: Path) -> None:
    found = find_run(Path("elsewhere"), str(tmp_path / "results" / "micro"))
    assert found.name == "micro"
    assert found.command("report") == f"sweep report micro --out {tmp_path / 'results'}"


@pytest.mark.parametrize("text", [".", "../micro"])
def test_from_within_the_run_itself(run: RunFolder, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(run.path)
    assert find_run(Path("results"), text).name == "micro"


def test_the_run_under_out_wins_over_a_folder_of_that_name(run: RunFolder, micro: Path) -> None:
    prepare(RunRequest(space=str(micro), out=Path())).open_or_create()
    assert find_run(Path("results"), "micro").path == run.path
    assert find_run(Path("none"), "micro").path == Path("micro")


@pytest.mark.parametrize("text", ["nowhere", "results/nowhere", "..", "results"])
def test_no_run_is_an_error(run: RunFolder, text: str) -> None:
    with pytest.raises(RunError, match="no run"):
        find_run(Path("results"), text)


def test_without_a_name_it_is_the_latest(run: RunFolder, micro: Path) -> None:
    later = prepare(RunRequest(space=str(micro), out=Path("results"), name="later")).open_or_create()
    assert find_run_or_latest(Path("results"), None).path == later.path
    assert find_run_or_latest(Path("results"), "micro").path == run.path
