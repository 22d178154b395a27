"""`--verbose`: the log of the driver on stderr, above the live table."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

LOGGER = logging.getLogger("sweep")


class ConsoleHandler(logging.Handler):
    """Print log records to a console, which keeps them apart from a live table on it."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console
        self.setFormatter(logging.Formatter("%(asctime)s  %(name)s  %(message)s", "%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        self.console.print(self.format(record), markup=False, highlight=False)


@contextmanager
def logged(console: Console, verbose: bool) -> Iterator[None]:
    """Print the log to `console` while this is open, if `verbose`."""
    if not verbose:
        yield
        return
    handler, level = ConsoleHandler(console), LOGGER.level
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(level)
