"""The hash of the code that computes results: equal hashes mean equal numbers.

It covers the definitions in the numeric files of `model/` listed below. Moving or renaming a file, and rewording a
docstring, a comment, a type annotation or an error message, do not change it. Changing what is computed does.
`tests/sweep/planning/test_numerics.py` checks it against recorded losses and texts of every method, optimizer,
decoding and task.
"""

import ast
import functools
import hashlib
import importlib.resources
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(str(importlib.resources.files("model")))
NUMERIC_FILES = (
    "casting.py",
    "gpt2.py",
    "gpt2_config.py",
    "gradients.py",
    "hardware.py",
    "dropout.py",
    "loss.py",
    "products.py",
    "training.py",
    "training_loss.py",
    "rng.py",
    "pretrained/bases.py",
    "pretrained/tokenizer.py",
    "tasks/data/classification.py",
    "tasks/data/columns.py",
    "tasks/data/completion.py",
    "tasks/data/dataset.py",
    "tasks/data/formats.py",
    "tasks/data/labelled.py",
    "tasks/data/lengths.py",
    "tasks/data/own.py",
    "tasks/data/pairs.py",
    "tasks/data/paraphrase.py",
    "tasks/data/places.py",
    "tasks/data/sentiment.py",
    "tasks/data/shipped.py",
    "tasks/data/sonnets.py",
    "tasks/data/splits.py",
    "tasks/data/tables.py",
    "tasks/data/text.py",
)
NUMERIC_FOLDERS = ("methods", "optim", "decoding", "tasks")
TEXT_KEYWORDS = {"unit", "help"}  # arguments that hold text for people
LOG_METHODS = {"debug", "info", "warning", "error"}
# Code with an earlier hash below computes the same numbers as code with the hash TODAY, with three exceptions: the last
# bits of a large base's logits in decoding on a CPU; training on a GPU, where UNPADDED code did not pad batches; large
# weights on an AMD processor, where earlier code did not use oneDNN (PRODUCTS in machine.py). If any other number
# changes, remove the earlier hashes. Runs of schema 1 and 2 have a hash of all of model/.
TODAY = "1302b4893a19c5c3e77d7bee91ece6a09999ca5b8b070b4678542708238f13f7"
SCHEMA_2_CODE = "804676b1e5cad43a34a352f8f8734df61781774c006f976bcc1c3018e0b03d33"
WITHOUT_BF16 = "e80a5c0d24f379838216d530ebf6b3617ce73de99ee297a735485c587e03ed5f"
BEFORE_FASTER_SAMPLING = "110364d1d9e154c20c57320aee1d725e26f5563bed96400d8a5b48aa9d59fe89"
BEFORE_CUDA_GRAPHS = "8d535554b9e626ad919bea56476e71f29b83efe3b965cc787b282702b9403113"
UNPADDED = (SCHEMA_2_CODE, WITHOUT_BF16, BEFORE_FASTER_SAMPLING, BEFORE_CUDA_GRAPHS)
REFERENCE_RUNS = "e0f86477ddeb4cd88daa08d236e5536ace0853f9ca9aa92b15fa70e51a2c1d75"
BEFORE_ONEDNN = "8d494e482be806dab8e6e0512b5370fefd6dfa1588ab1ae3779ad04de53c35ab"
EARLIER_HASHES = dict.fromkeys((*UNPADDED, REFERENCE_RUNS, BEFORE_ONEDNN), TODAY)


@functools.cache
def numerics_sha256() -> str:
    """Return the hash of this installation's numeric code."""
    return hash_sources(path.read_text(encoding="utf-8") for path in numeric_paths())


def numeric_paths(root: Path = ROOT) -> list[Path]:
    """Return the files of the package at `root` that compute results."""
    folders = [path for name in NUMERIC_FOLDERS for path in sorted((root / name).glob("*.py"))]
    return [*(root / name for name in NUMERIC_FILES), *(path for path in folders if path.name != "__init__.py")]


def same_numbers(one: str, other: str) -> bool:
    """Return whether code with the hash `one` computes the same numbers as code with the hash `other`."""
    return EARLIER_HASHES.get(one, one) == EARLIER_HASHES.get(other, other)


def hash_sources(sources: Iterator[str]) -> str:
    """Return the hash of all definitions in several Python files; which file holds which definition does not matter."""
    found = sorted(definition for source in sources for definition in _definitions(source))
    return hashlib.sha256("\n".join(found).encode()).hexdigest()


def _definitions(source: str) -> Iterator[str]:
    """Yield every top-level statement of `source` as the text of its normalized syntax tree."""
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            yield from _foreign_imports(statement)
        elif not _is_text(statement) and not _is_typing_block(statement):
            yield ast.dump(_Normalizer().visit(statement))


def _foreign_imports(statement: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """Yield the imports from other packages. Imports from `model` are left out, because its modules may move."""
    module = statement.module or "" if isinstance(statement, ast.ImportFrom) else ""
    for alias in statement.names:
        place = f"{module}.{alias.name}".lstrip(".")
        if place.partition(".")[0] == "model":
            place = alias.name.rpartition(".")[2]
            if alias.asname is None:
                continue
        yield f"import {place} as {alias.asname or alias.name}"


def _is_text(statement: ast.AST) -> bool:
    """Return whether a statement is a docstring."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _is_typing_block(statement: ast.AST) -> bool:
    """Return whether a statement is `if TYPE_CHECKING: ...`."""
    return (
        isinstance(statement, ast.If)
        and isinstance(statement.test, ast.Name)
        and statement.test.id == "TYPE_CHECKING"
        and not statement.orelse
    )


def _is_message(function: ast.expr) -> bool:
    """Return whether a call to `function` makes an error or a log line, whose arguments are text for people."""
    if isinstance(function, ast.Attribute):
        return function.attr in LOG_METHODS
    return isinstance(function, ast.Name) and function.id.endswith("Error")


class _Normalizer(ast.NodeTransformer):
    """Removes from a syntax tree whatever cannot change a result: docstrings, annotations and messages."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [s for s in body if not _is_text(s)] or [ast.Pass()]  # type: ignore[attr-defined]
        return super().generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)  # keep the field: its name and default matter
        return self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        return ast.Expr(ast.Constant(" ".join(_foreign_imports(node))))

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """Keep the type of the error, not its message."""
        if isinstance(node.exc, ast.Call):
            node.exc = node.exc.func
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        node.msg = None
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        node.keywords = [keyword for keyword in node.keywords if keyword.arg not in TEXT_KEYWORDS]
        if _is_message(node.func):
            node.args, node.keywords = [], []
        return self.generic_visit(node)
