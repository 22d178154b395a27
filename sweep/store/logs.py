"""The logs of a run: the driver's decisions with their reasons, and the stderr of the workers."""

import contextlib
import faulthandler
import logging
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

LOGGER = logging.getLogger("sweep")
DRIVER_LOG = "driver.log"
FORMAT = "%(asctime)sZ %(levelname)-7s %(name)s: %(message)s"


class QuietFileHandler(logging.FileHandler):
    """A log file that drops lines when the disk is full, instead of printing a traceback for each."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8")
        self.setFormatter(utc_formatter())

    def handleError(self, record: logging.LogRecord) -> None:
        pass


def utc_formatter() -> logging.Formatter:
    """Return the format of log lines: UTC time, level, logger, message."""
    formatter = logging.Formatter(FORMAT, datefmt="%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    return formatter


@contextlib.contextmanager
def driver_log(folder: Path) -> Iterator[None]:
    """Append the tool's log to `folder`/driver.log while this is open. If the disk fails, only the log is lost."""
    try:
        folder.mkdir(exist_ok=True)
        handler = QuietFileHandler(folder / DRIVER_LOG)
    except OSError:
        yield
        return
    level = LOGGER.level
    LOGGER.setLevel(logging.DEBUG)
    LOGGER.addHandler(handler)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(level)
        with contextlib.suppress(OSError):
            handler.close()
        _remove_empty(folder)


def keep_stderr(folder: Path) -> None:
    """Append this process's stderr to its own file in `folder`; on SIGUSR1, write a stack trace there."""
    try:
        folder.mkdir(exist_ok=True)
        path = folder / f"worker-{socket.gethostname()}-{os.getpid()}.log"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError:
        return
    os.dup2(descriptor, 2)
    os.close(descriptor)
    faulthandler.register(signal.SIGUSR1)


def _remove_empty(folder: Path) -> None:
    """Remove the logs of workers that wrote nothing."""
    with contextlib.suppress(OSError):
        for path in folder.glob("worker-*.log"):
            if path.stat().st_size == 0:
                path.unlink()
