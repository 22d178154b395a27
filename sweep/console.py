"""What is said when nobody reads it any more: that must not cost a session its order or its exit code.

`sweep run 2>&1 | tee log`, and then Ctrl-C: the signal ends `tee` as well, often first. Or the disk of a log is full.
"""

import os
import sys

import click


def say(text: str, *, err: bool = False) -> None:
    """Print a line to stdout, or stderr, as long as that can be written to."""
    try:
        click.echo(text, err=err)
    except OSError:
        mute()


def mute() -> None:
    """Let a stream that cannot be written to lead nowhere: the flush at the end of the process would fail again."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
