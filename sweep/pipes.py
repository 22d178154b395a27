"""What is said when nobody reads it any more: a reader that left must not cost a session its order or its exit code.

`sweep run 2>&1 | tee log`, and then Ctrl-C: the signal ends `tee` as well, often first.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


class PipeConsole(Console):
    """A console that goes on in silence where rich would end the process."""

    def on_broken_pipe(self) -> None:
        mute()


@contextmanager
def read_or_not() -> Iterator[None]:
    """What is printed here may find no reader."""
    try:
        yield
    except BrokenPipeError:
        mute()


def mute() -> None:
    """Let what nobody reads lead nowhere: the flush at the end of the process would fail again."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
