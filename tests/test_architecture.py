"""The arrows of the design, held by the import statements themselves."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [path for folder in ("model", "sweep", "spaces") for path in sorted((ROOT / folder).rglob("*.py"))]
MAY_IMPORT = {"model": {"model"}, "sweep": {"model", "sweep", "spaces"}, "spaces": {"sweep"}}
OURS = set(MAY_IMPORT)


def imported(path: Path) -> set[str]:
    """Top-level packages that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_arrows(path: Path) -> None:
    names = imported(path)
    assert names & OURS <= MAY_IMPORT[path.relative_to(ROOT).parts[0]]
    assert "ray" not in names or path.name == "ray_executor.py"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_that_is_read_back_can_run_code(path: Path) -> None:
    """No pickle, no eval, no unsafe loader."""
    source = path.read_text(encoding="utf-8")
    forbidden = (
        "import pickle\n",
        "pickle.load",
        "weights_only=False",
        "yaml.load(",
        "trust_remote_code=True",
        "torch.load(",
    )
    assert not [word for word in forbidden if word in source]
    calls = {
        node.func.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not calls & {"eval", "exec"}


def test_what_needs_no_torch_does_not_import_it() -> None:
    """A finished run resumes, and help is given, without the seconds that it takes."""
    names = [
        "model.pretrained.files",
        "model.gpt2_config",
        "model.config",
        "sweep.prepare",
        "sweep.execution.driver",
        "sweep.cli.commands",
    ]
    names += [f"model.tasks.data.{path.stem}" for path in sorted((ROOT / "model/tasks/data").glob("*.py"))]
    code = f"import importlib, sys\nfor name in {names}:\n    importlib.import_module(name)\n"
    code += "    assert 'torch' not in sys.modules, name"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
