"""The pages of the documentation, and the blocks of code in them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "results" / "README.md", *(ROOT / "docs").glob("*.md")])
FENCED = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, kind: str) -> list[str]:
    """The blocks of one kind (sh, python, toml) of a page."""
    return [block for found, block in FENCED.findall(page.read_text(encoding="utf-8")) if found == kind]


def commands(page: Path) -> list[str]:
    """The lines of a page's shell blocks, without comments."""
    lines = [line.partition("#")[0].strip() for block in blocks(page, "sh") for line in block.splitlines()]
    return [line.removeprefix(".venv/bin/") for line in lines if line]


def spaces(page: Path) -> list[str]:
    """The space files that a page shows."""
    return [block for block in blocks(page, "python") if block.startswith('"""')]


def code(page: Path) -> str:
    """The rest of a page's Python, one block after the other, as in a notebook."""
    return "\n".join(block for block in blocks(page, "python") if block not in spaces(page))
