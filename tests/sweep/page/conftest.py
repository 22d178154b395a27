"""Pages of the reference runs, of a run with hostile texts, and a browser."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from click.testing import Result
from playwright.sync_api import Browser, sync_playwright

from sweep.charts.source import open_source
from sweep.page.page import page
from sweep.prepare import RunRequest, prepare
from sweep.store.locate import find_run
from sweep.store.run_folder import RunFolder
from sweep.testing import drive
from tests.sweep.charts.conftest import REFERENCE

HOSTILE = (
    "<script>window.hacked = 1</script>",
    "</script><img src=x onerror='window.hacked = 1'>",
    "javascript:window.hacked=1",
    "a\u2028line \u2029separator",
    "right \u202e to left",
    "\x1b[31mred\x1b[0m",
    '"><svg onload=window.hacked=1>',
    "{{ 7 * 7 }} ${7*7} &amp; <!-- <script>",
)
SPACE = '''"""Hostile <b>texts</b> </script> everywhere."""

from sweep import Space, grid

space = Space(
    task="classification",
    fixed={{"epochs": 1, "batch_size": 8, "data": {data!r}}},
    axes={{"lr": grid(1e-3, 1e-2)}},
    variants={variants!r},
)
'''
LONG = '''"""A long grid. 1,200 points, 1,200 trials."""

from sweep import Space, grid

space = Space(
    fixed={{"epochs": 1, "batch_size": 2, "data": {data!r}}},
    axes={{"lr": grid(*[n * 1e-5 for n in range(1, 301)]), "lora.rank": grid(1, 2), "lora.scale": grid(1, 2)}},
    decoding={{"max_new_tokens": 6}},
)
'''


@cache
def reference_page(name: str) -> str:
    return page([open_source(find_run(REFERENCE, name))])


@pytest.fixture(scope="session")
def hostile_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classification file whose texts and labels try to break out of a page."""
    path = tmp_path_factory.mktemp("hostile") / "hostile.jsonl"
    splits = ["train"] * 10 + ["dev", "test"]
    lines = [
        {"text": f"{text} {number}", "label": HOSTILE[number % 2], "split": split}
        for number, split in enumerate(splits)
        for text in HOSTILE
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    return path


@pytest.fixture
def hostile_run(sweep: Callable[..., Result], hostile_data: Path, tmp_path: Path, out: Path) -> Path:
    """A finished run with hostile texts, labels and variants."""
    space = tmp_path / "hostile.py"
    variants = {HOSTILE[0]: {}, HOSTILE[1]: {"lora.rank": 2}, HOSTILE[5]: {"lora.rank": 1}}
    space.write_text(SPACE.format(data=str(hostile_data), variants=variants))
    result = sweep("run", space, "--executor", "inline", "--seeds", 2, "--name", "hostile")
    assert result.exit_code == 0, result.stderr
    return out / "hostile"


@pytest.fixture
def empty_run(micro: Path, out: Path) -> RunFolder:
    """A run that has not begun."""
    return prepare(RunRequest(space=str(micro), out=out, executor="inline")).open_or_create()


@pytest.fixture
def long_run(tmp_path: Path, poems: Path, out: Path) -> RunFolder:
    """1,200 points, played by a scripted executor."""
    space = tmp_path / "long.py"
    space.write_text(LONG.format(data=str(poems)))
    folder = prepare(RunRequest(space=str(space), out=out, executor="inline", use_cache=False)).open_or_create()
    drive(folder, use_cache=False)
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """Debian's Chromium. Only a machine that is no CI may lack it."""
    found = shutil.which("chromium")
    if found is None and not os.environ.get("CI"):
        pytest.skip("needs chromium: apt-get install chromium")
    assert found is not None, "CI needs chromium"
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield started
        started.close()
