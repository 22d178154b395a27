"""The import rules between packages, checked on the import statements themselves."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [path for folder in ("model", "sweep", "spaces", "tools") for path in sorted((ROOT / folder).rglob("*.py"))]
NAMES = {path: str(path.relative_to(ROOT)) for path in FILES}

# The rooms of sweep/ from the ground up: a room imports itself and rooms before it, never one behind it.
ROOMS = (
    "errors",
    "console",
    "statistics",
    "planning",
    "datasets",
    "store",
    "tuning",
    "reporting",
    "charts",
    "page",
    "paper",
    "execution",
    "testing",
    "progress",
    "tracking",
    "forecast",
    "doctor",
    "prepare",
    "follow_up",
    "export",
    "session",
    "api",
    "cli",
)
NEVER = {  # beyond the order of rooms
    "planning": {"statistics"},
    "store": {"tuning", "statistics", "reporting", "execution"},
    "tuning": {"reporting", "execution"},
    "reporting": {"execution"},
    "charts": {"execution"},
    "page": {"execution"},
    "forecast": {"tuning"},
    "tracking": {"tuning", "execution"},
}
FOREIGN = {  # packages of others that only some rooms may import
    "ray": {"execution/ray_backend"},
    "optuna": {"tuning", "statistics/importance", "export/optuna_study", "export/optuna_space", "export/sqlite"},
    "scipy": {"statistics"},
    "click": {"cli", "console"},
    "rich": {"cli", "reporting", "progress"},
    "torch": {"execution", "forecast", "doctor", "api", "prepare", "planning/processor", "export"},
    "gguf": {"export"},
    "altair": {"charts"},
    "vl_convert": {"charts/save", "page/vega"},
    "jinja2": {"page"},
    "tensorboardX": {"tracking/tensorboard"},
    "mlflow": {"tracking/mlflow"},
    "wandb": {"tracking/wandb"},
    "trackio": {"tracking/trackio"},
}
LONGEST_FILE = 320  # lines
LONGEST_FUNCTION = 60
LARGEST_MODEL = 7_180


@cache
def imported(path: Path) -> frozenset[str]:
    """The modules that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            submodules = {f"{module}.{alias.name}" for alias in node.names}
            names |= {name for name in submodules if name in MODULES} or {module}
            if submodules - set(MODULES):
                names.add(module)
    return frozenset(names)


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in FILES}


def room_of(module: str) -> str:
    """The room of a module of sweep/; the package's own front is its top room."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "api"


@pytest.mark.parametrize("path", FILES, ids=NAMES.get)
def test_packages_import_one_way(path: Path) -> None:
    """spaces -> sweep -> model, and tools -> sweep; nobody imports spaces or tools."""
    may = {"model": {"model"}, "sweep": {"model", "sweep"}, "spaces": {"sweep"}, "tools": {"model", "sweep", "tools"}}
    ours = {name.partition(".")[0] for name in imported(path)} & set(may)
    assert ours <= may[path.relative_to(ROOT).parts[0]]


SWEEP = [path for path in FILES if path.relative_to(ROOT).parts[0] == "sweep"]


@pytest.mark.parametrize("path", SWEEP, ids=NAMES.get)
def test_a_room_imports_no_room_above_it(path: Path) -> None:
    room = room_of(module_of(path))
    for name in imported(path):
        if name.startswith("sweep."):
            other = room_of(name)
            assert ROOMS.index(other) <= ROOMS.index(room), f"{room} imports {name}"
            assert other not in NEVER.get(room, set()), f"{room} imports {name}"


@pytest.mark.parametrize("path", SWEEP, ids=NAMES.get)
def test_foreign_packages_stay_in_their_rooms(path: Path) -> None:
    place = path.relative_to(ROOT / "sweep").as_posix()
    for name in imported(path):
        rooms = FOREIGN.get(name.partition(".")[0])
        assert rooms is None or place.startswith(tuple(rooms)), f"{place} imports {name}"


def test_every_room_is_known() -> None:
    assert {room_of(module_of(path)) for path in SWEEP} <= set(ROOMS)


@pytest.mark.parametrize("package", ["sweep", "model", "tools"])
def test_imports_have_no_circle(package: str) -> None:
    """Also none through imports within functions."""
    arrows = {
        module: {name for name in imported(path) if name in MODULES and name != module}
        for module, path in MODULES.items()
        if module.partition(".")[0] == package
    }
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, f"circle: {' -> '.join((*way[way.index(module) :], module))}"
        if module not in done:
            for other in sorted(arrows.get(module, ())):
                visit(other, (*way, module))
            done.add(module)

    for module in arrows:
        visit(module, ())


@pytest.mark.parametrize("path", FILES, ids=NAMES.get)
def test_files_and_functions_stay_short(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= LONGEST_FILE
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{node.name} has {length} lines"


def test_model_stays_small() -> None:
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "model").rglob("*.py"))
    assert lines <= LARGEST_MODEL


def classes(path: Path) -> Iterator[ast.ClassDef]:
    return (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ClassDef))


@pytest.mark.parametrize("path", SWEEP, ids=NAMES.get)
def test_attributes_are_born_in_init(path: Path) -> None:
    for node in classes(path):
        functions = [item for item in node.body if isinstance(item, ast.FunctionDef)]
        if not any(function.name == "__init__" for function in functions):
            continue  # a dataclass, a protocol, or a class that another library sets up
        fields = {
            item.target.id
            for item in node.body
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
        }
        born = {name for function in functions if function.name == "__init__" for name in assigned(function)}
        for function in functions:
            late = assigned(function) - born - fields
            assert not late, f"{node.name}.{function.name} gives birth to {', '.join(sorted(late))}"


def assigned(function: ast.FunctionDef) -> set[str]:
    """Names of the attributes of `self` that a method assigns."""
    return {
        target.attr
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        for target in [node]
        if isinstance(target.value, ast.Name) and target.value.id == "self"
    }


@pytest.mark.parametrize("path", SWEEP, ids=NAMES.get)
def test_events_are_picked_apart_in_the_store_only(path: Path) -> None:
    """Elsewhere an event is a typed record: nobody reads `event["..."]` or `losses["..."]`."""
    if room_of(module_of(path)) == "store":
        return
    picked = {
        node.value.id if isinstance(node.value, ast.Name) else node.value.attr
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name | ast.Attribute)
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
    }
    assert not picked & {"event", "losses", "cost", "score", "record", "cached"}


@pytest.mark.parametrize("path", FILES, ids=NAMES.get)
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


def test_torch_free_modules_do_not_import_torch() -> None:
    """A finished run resumes, and help is given, without the seconds that it takes."""
    names = ["model.pretrained.files", "model.gpt2_config", "model.config", "sweep.prepare", "sweep.execution.driver"]
    names += ["sweep.cli.commands"]
    names += [f"model.tasks.data.{path.stem}" for path in sorted((ROOT / "model/tasks/data").glob("*.py"))]
    code = f"import importlib, sys\nfor name in {names}:\n    importlib.import_module(name)\n"
    code += "    assert 'torch' not in sys.modules, name"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
