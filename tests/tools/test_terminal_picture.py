"""The picture in the README shows the output of the command."""

import html
import re
import sys
from pathlib import Path

import pytest

from tools.terminal_picture import ARGUMENTS, PICTURE, WIDTH, draw, in_terminal

ROOT = Path(__file__).parents[2]


def words(svg: str) -> list[str]:
    """The words of a picture, in order."""
    texts = re.findall(r"<text [^>]*>(.*?)</text>", svg, re.DOTALL)
    return html.unescape(" ".join(texts)).replace("\xa0", " ").split()


def test_the_committed_picture_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    printed = in_terminal(WIDTH, [sys.executable, "-m", "sweep.cli", *ARGUMENTS])
    assert words(PICTURE.read_text(encoding="utf-8")) == words(draw(f"sweep {' '.join(ARGUMENTS)}", printed, WIDTH))


def test_a_picture_needs_nothing_from_the_network() -> None:
    svg = draw("echo", "\x1b[1mbold\x1b[0m plain", 40)
    assert words(svg)[-2:] == ["bold", "plain"]
    assert set(re.findall(r"https?://[\w.]+", svg)) <= {"http://www.w3.org", "https://www.textualize.io"}


def test_a_command_that_fails_makes_no_picture() -> None:
    with pytest.raises(RuntimeError, match="no run 'nowhere'"):
        in_terminal(80, [sys.executable, "-m", "sweep.cli", "report", "nowhere"])
