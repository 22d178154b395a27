"""The console that reports print to."""

import sys
from typing import Any

from rich.console import Console

from sweep.console import mute


class LastingConsole(Console):
    """A console that goes on in silence where rich would end the process, or raise within an executor."""

    def on_broken_pipe(self) -> None:
        mute()

    def print(self, *objects: Any, **options: Any) -> None:
        try:
            super().print(*objects, **options)
        except OSError:  # the disk of a log is full, say
            mute()


WIDE = 2_000  # characters: more than any table has


def make_console(stderr: bool) -> Console:
    """A console as wide as its content when it is no terminal: a pipe must not cut a table."""
    from sweep.reporting.terminal import LastingConsole

    stream = sys.stderr if stderr else sys.stdout
    return LastingConsole(stderr=stderr, width=None if stream.isatty() else WIDE, highlight=False)
