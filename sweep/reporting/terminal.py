"""The console that reports and progress are printed to."""

import sys
from typing import Any

from rich.console import Console

from sweep.console import mute

WIDE = 2_000  # characters; wider than any table


class LastingConsole(Console):
    """A console that goes silent on a broken stream, where rich would end the process or raise in a callback."""

    def on_broken_pipe(self) -> None:
        mute()

    def print(self, *objects: Any, **options: Any) -> None:
        try:
            super().print(*objects, **options)
        except OSError:  # for example, the disk with the log file is full
            mute()


def make_console(stderr: bool) -> Console:
    """Return a console for stdout or stderr. In a pipe it is wider than any table, so that no column is dropped."""
    stream = sys.stderr if stderr else sys.stdout
    return LastingConsole(stderr=stderr, width=None if stream.isatty() else WIDE, highlight=False)
