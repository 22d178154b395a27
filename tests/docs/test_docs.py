"""The documentation is correct: commands exist, code runs, counts and links are right."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from sweep.cli.commands import main
from sweep.planning.flat import decode_keys, train_keys
from sweep.planning.plan import make_plan
from sweep.planning.registry import load_space
from sweep.planning.space import expand
from tests.docs.pages import PAGES, ROOT, blocks, code, commands, name_of, spaces

README = ROOT / "README.md"
COMMANDS = sorted({command for page in PAGES for command in commands(page)})
SPACES = [space for page in PAGES for space in spaces(page)]


def test_there_is_something_to_test() -> None:
    assert len(PAGES) >= 11
    assert len(COMMANDS) > 60
    assert len(SPACES) == 3
    assert {word for command in COMMANDS for word in command.split()[:1]} == {"sweep", "make"}


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("sweep ")])
def test_a_sweep_command_parses(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    name, *arguments = shlex.split(command)[1:]
    context = main.commands[name].make_context(name, arguments)
    if name == "run":
        load_space(context.params["space"])


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("make ")])
def test_a_make_target_exists(command: str) -> None:
    subprocess.run([*shlex.split(command), "--dry-run"], cwd=ROOT, check=True, capture_output=True)


def test_every_command_is_in_the_readme() -> None:
    assert {command.split()[1] for command in commands(README) if command.startswith("sweep ")} == set(main.commands)


@pytest.mark.parametrize("source", SPACES, ids=range(len(SPACES)))
def test_a_space_has_the_size_it_states(source: str, tmp_path: Path) -> None:
    path = tmp_path / "example.py"
    path.write_text(source)
    file = load_space(str(path))
    plan = make_plan(expand(file.space, {}), seeds=1)
    assert f"{len(plan.points)} points, {len(plan.trials)} trials." in file.about


def test_the_table_of_spaces_has_their_sizes() -> None:
    page = (ROOT / "docs" / "spaces.md").read_text(encoding="utf-8")
    for names, points, trials in re.findall(
        r"^\| (`.*?`) \| .*? \| ([\d,\s]+?) \| ([\d,\s]+?) \|$", page, re.MULTILINE
    ):
        stated = list(zip(points.split(", "), trials.split(", "), strict=True))
        for name, sizes in zip(re.findall(r"`(\w+)`", names), stated, strict=True):
            plan = make_plan(expand(load_space(name).space, {}), seeds=1)
            assert sizes == (f"{len(plan.points):,}", f"{len(plan.trials):,}"), name


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", [page for page in PAGES if code(page)], ids=name_of)
def test_the_python_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "reference").symlink_to(ROOT / "results" / "reference")
    command = [sys.executable, "-W", "error", "-c", code(page)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_configuration_file_names_options() -> None:
    options = {
        o.lstrip("-") for c in main.commands.values() for p in c.params if isinstance(p, click.Option) for o in p.opts
    }
    shown = [tomllib.loads(block) for page in PAGES for block in blocks(page, "toml")]
    assert shown
    assert {name for table in shown for name in table} <= options


@pytest.mark.parametrize("page", [*PAGES, ROOT / "results" / "reference" / "README.md"], ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        assert link.startswith("https://") or (page.parent / link.partition("#")[0]).exists(), link


def test_the_readme_links_to_every_page() -> None:
    links = set(re.findall(r"\]\((docs/[\w-]+\.md)\)", README.read_text(encoding="utf-8")))
    assert links == {name_of(page) for page in PAGES if page.parent.name == "docs"}


def test_the_readme_is_short_and_begins_with_a_picture() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 200
    assert any(line.startswith("![") for line in lines[:20])


def test_every_key_of_the_json_report_is_explained() -> None:
    page = (ROOT / "docs" / "reading-results.md").read_text(encoding="utf-8").partition("## JSON")[2]
    named = set(re.findall(r"`([\w.]+)`", page.partition("\n## ")[0]))
    scores = {"chrf", "chrf_new", "dev_loss"}
    arguments = ["report", "combinations", "--format", "json", "--out", str(ROOT / "results" / "reference")]
    records = json.loads(CliRunner().invoke(main, arguments).stdout)
    for key in {key for record in records for key in record}:
        as_chrf = next((key.replace(score, "chrf") for score in sorted(scores, key=len)[::-1] if score in key), key)
        assert as_chrf in named or key in train_keys() or key in decode_keys(), key
