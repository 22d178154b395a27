"""Charts as files."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sweep.charts.palette import LIGHT
from sweep.charts.registry import CHARTS
from sweep.charts.save import FILES, save
from sweep.charts.source import Options, Source
from sweep.cli.commands import main
from sweep.errors import UsageError
from tests.sweep.charts.conftest import REFERENCE

STARTS = {".pdf": b"%PDF-", ".svg": b"<svg", ".png": b"\x89PNG", ".json": b"{", ".csv": b"configuration"}


@pytest.mark.parametrize("suffix", FILES)
def test_a_file_of_each_kind(lora_rank: Source, tmp_path: Path, suffix: str) -> None:
    figure = CHARTS["scores"](lora_rank, Options(), LIGHT)
    path = tmp_path / "new" / f"a{suffix}"
    save(figure, path)
    data = path.read_bytes()
    assert data.startswith(STARTS[suffix].replace(b"configuration", b"name"))


def test_the_width_is_that_of_the_plot(lora_rank: Source, tmp_path: Path) -> None:
    figure = CHARTS["curves"](lora_rank, Options(), LIGHT)
    save(figure, tmp_path / "a.json", width=333, height=111, title=False)
    spec = json.loads((tmp_path / "a.json").read_text())
    assert (spec["width"], spec["height"]) == (333, 111)
    assert "title" not in spec


def test_an_unknown_suffix_is_refused(lora_rank: Source, tmp_path: Path) -> None:
    figure = CHARTS["scores"](lora_rank, Options(), LIGHT)
    with pytest.raises(UsageError, match=r"a\.gif: unknown kind of file\. Known: \.pdf"):
        save(figure, tmp_path / "a.gif")
    assert not list(tmp_path.iterdir())


def test_the_command_writes_a_chart(tmp_path: Path) -> None:
    target = tmp_path / "fig.csv"
    result = CliRunner().invoke(main, ["plot", "lora_rank", "curves", "-o", str(target), "--out", str(REFERENCE)])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{target}: dev_loss by epoch. Each line is the mean over the seeds")
    entries = list(csv.DictReader(target.read_text().splitlines()))
    assert len(entries) == 24 * 11


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lora_rank", "curve"], "unknown chart 'curve': did you mean 'curves'? Known: scores, effects"),
        (["lora_rank", "slice", "--x", "lr"], "--x lr: not a setting that varies in this run"),
        (["lora_rank", "curves", "-o", "a.gif"], "a.gif: unknown kind of file"),
        (["no_such_run", "curves"], "no_such_run"),
    ],
)
def test_the_command_refuses_in_one_line(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(main, ["plot", *arguments, "--out", str(REFERENCE)])
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = CliRunner().invoke(main, ["plot", "lora_rank", "curves", "--out", str(REFERENCE)])
    assert result.exit_code == 2
    assert "pip install 'explora-sweep[plots]'" in result.stderr
