"""The picture of the page in the README."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from tools.page_picture import PICTURE, take

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Debian's chromium")
def test_a_picture_shows_the_page(tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    page.write_text("<!doctype html><style>body{margin:0;background:rgb(10,20,30)}</style>")
    take(page, tmp_path / "a.png", size=(500, 400))
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (500, 400)
        assert image.convert("RGB").getpixel((250, 200)) == (10, 20, 30)


def test_the_readme_shows_it() -> None:
    assert f"]({PICTURE})" in (ROOT / "README.md").read_text(encoding="utf-8")
    with Image.open(ROOT / PICTURE) as image:
        assert image.width == 1100
