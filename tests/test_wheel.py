"""The wheel is complete and works in a folder without any file of this project."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(site: Path, folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_packages_come_from_the_wheel(site: Path, tmp_path: Path) -> None:
    shown = run(site, tmp_path, "-c", "import model, sweep; print(model.__file__, sweep.__file__)")
    assert all(path.startswith(str(site)) for path in shown.split())


def test_only_model_and_sweep_are_installed(site: Path) -> None:
    assert {path.name for path in site.iterdir() if not path.name.endswith(".dist-info")} == {"model", "sweep"}


def test_spaces_are_listed(site: Path, tmp_path: Path) -> None:
    listed = run(site, tmp_path, "-m", "sweep.cli", "spaces")
    assert {path.stem for path in (ROOT / "spaces").glob("*.py")} == {line.split()[0] for line in listed.splitlines()}


def test_the_report_shows_the_papers_scores(site: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "results" / "reference" / "lora_rank", tmp_path / "runs" / "lora_rank")
    report = run(site, tmp_path, "-m", "sweep.cli", "report", "lora_rank", "--out", "runs", "--format", "md")
    assert "| paper |" in report
    assert "42.25" in report
