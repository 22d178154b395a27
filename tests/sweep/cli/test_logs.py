"""The log that --verbose prints."""

import io
import logging

import pytest
from rich.console import Console

from sweep.cli.logs import LOGGER, logged


@pytest.mark.parametrize("verbose", [True, False])
def test_the_log_is_printed_while_it_is_open_and_asked_for(verbose: bool) -> None:
    console = Console(file=io.StringIO(), width=80)
    with logged(console, verbose):
        logging.getLogger("sweep.execution.driver").info("trial [abc] started")
    logging.getLogger("sweep.execution.driver").warning("too late")
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert ("sweep.execution.driver  trial [abc] started" in printed) == verbose
    assert "too late" not in printed


def test_it_leaves_the_logger_as_it_was() -> None:
    before = list(LOGGER.handlers), LOGGER.level
    with logged(Console(file=io.StringIO()), True):
        assert LOGGER.isEnabledFor(logging.DEBUG)
    assert (LOGGER.handlers, LOGGER.level) == before
