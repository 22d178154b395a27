"""The README tells the truth: its commands exist, its code runs, its counts are right."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sweep.cli.commands import main
from sweep.planning.plan import make_plan
from sweep.planning.registry import load_space
from sweep.planning.space import expand

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
SHELL = [line.partition("#")[0].strip() for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()]
COMMANDS = [part.strip() for line in SHELL for part in line.split(";") if part.strip()]
PYTHON = [block for kind, block in BLOCKS if kind == "python"]
SPACES = [block for block in PYTHON if "space = Space(" in block]


def test_there_is_something_to_test() -> None:
    assert len(COMMANDS) > 8
    assert len(PYTHON) >= 3
    assert len(SPACES) == 1


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


def test_the_space_has_the_size_it_states(tmp_path: Path) -> None:
    path = tmp_path / "example.py"
    path.write_text(SPACES[0])
    file = load_space(str(path))
    plan = make_plan(expand(file.space, {}), seeds=1)
    assert f"{len(plan.points)} points, {len(plan.trials)} trainings" in file.about


def test_the_python_runs(tmp_path: Path) -> None:
    """All blocks but the space, one after the other, as in a notebook."""
    code = "\n".join(block for block in PYTHON if block not in SPACES)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, second, *text = done.stdout.splitlines()
    assert float(second.split()[1]) < float(first.split()[1])
    assert text


def test_every_command_is_shown() -> None:
    shown = {command.split()[1] for command in COMMANDS if command.startswith("sweep ")}
    assert shown == set(main.commands)
