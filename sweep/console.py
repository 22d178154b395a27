"""Output that survives a closed pipe or a full disk without changing the exit code.

After `sweep run 2>&1 | tee log` and Ctrl-C, for example, the signal often ends `tee` first.
"""

import os
import sys

import click


def say(text: str, *, err: bool = False) -> None:
    """Print a line to stdout, or to stderr if `err`. Do nothing if the stream cannot be written to."""
    try:
        click.echo(text, err=err)
    except OSError:
        mute()


def mute() -> None:
    """Redirect broken output streams to /dev/null, because the flush at exit would fail again."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
