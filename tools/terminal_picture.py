"""Create the picture in the README: run a real command in a terminal and render its output as SVG.

Run `python -m tools.terminal_picture`.
"""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path("docs/images/report.svg")
ARGUMENTS = ("report", "lora_rank", "--out", "results/reference", "--top", "8")
WIDTH = 100  # columns
HEIGHT = 40  # rows
FONT_DOWNLOAD = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)  # removed: the reader's own monospace font will do


def in_terminal(width: int, command: Sequence[str]) -> str:
    """Return the output of `command` in a terminal of `width` columns. Raise RuntimeError if it fails."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, width, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env={**environment, "TERM": "xterm-256color"}
    )
    os.close(theirs)
    printed = b""
    while True:
        try:
            read = os.read(ours, 65536)
        except OSError:  # the process has closed its end of the terminal
            break
        printed += read
    os.close(ours)
    text = printed.decode().replace("\r\n", "\n")
    if process.wait():
        raise RuntimeError(text)
    return text


def draw(prompt: str, text: str, width: int) -> str:
    """Return an SVG of a terminal that shows a prompt and the output `text`, which may contain ANSI colours."""
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text(f"$ {prompt}", style="bold"))
    console.print(Text.from_ansi(text))
    return FONT_DOWNLOAD.sub("", console.export_svg(title="ExpLoRA Sweep"))


def main() -> None:
    """Update the picture."""
    printed = in_terminal(WIDTH, [sys.executable, "-m", "sweep.cli", *ARGUMENTS])
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(draw(f"sweep {' '.join(ARGUMENTS)}", printed, WIDTH), encoding="utf-8")


if __name__ == "__main__":
    main()
