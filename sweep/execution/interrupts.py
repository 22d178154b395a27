"""SIGINT and SIGTERM, from the beginning of a command to the end of its process.

While work is going on the first one asks to stop in order and the next one stops at once; before and after, the first
one does. Once the process is stopping at once, more of them change nothing for a while: the last words are to be said.

What must not be left half done, nor take the signals for itself, is done in `uninterrupted`.
"""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
LAST_WORDS_SECONDS = 10  # that a stop at once may take before a further signal is one as well


class Interrupts:
    """The signals that a command was sent. Outside of its `with` it listens to none."""

    def __init__(self, ends_process: bool = True) -> None:
        """`ends_process`: whether the process ends after a signal, as a command does and a notebook does not."""
        self.ends_process = ends_process
        self.first: int | None = None  # the first signal
        self._tell: Callable[[str], None] | None = None  # what hears of the first signal; None: it stops at once
        self._stopped = -math.inf  # when it was last told to stop at once, on the monotonic clock
        self._before: dict[signal.Signals, Any] = {}  # the handlers that were there

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():  # no other one may set handlers
            self._before = {number: signal.signal(number, self._caught) for number in SIGNALS}
        return self

    def __exit__(self, *error: object) -> None:
        """Put the handlers back; ignore further signals if one came and the process is about to end."""
        self.settle()
        ignored = self.first is not None and self.ends_process
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_IGN if ignored else handler)

    def settle(self) -> None:
        """How the session has ended is known: signals change nothing any more."""
        self._stopped = math.inf

    @property
    def exit_code(self) -> int:
        """Of a process that signals have stopped: the first of them decides."""
        return 128 + (self.first or signal.SIGINT)

    @contextmanager
    def asking(self, tell: Callable[[str], None]) -> Iterator[None]:
        """While this is open the first signal only asks to stop, and `tell` hears of it."""
        self._tell = tell
        try:
            yield
        finally:
            self._tell = None

    def _caught(self, number: int, frame: FrameType | None) -> None:
        asks, tell, now = self.first is None, self._tell, time.monotonic()
        self.first = self.first or number
        if asks and tell is not None:
            with suppress(Exception):  # the signal may have come in the middle of a write to the same stream
                tell("stopping: running trials keep their last checkpoint (once more to stop at once)")
        elif now - self._stopped > LAST_WORDS_SECONDS:
            self._stopped = now
            raise KeyboardInterrupt


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let signals reach their handlers, whoever sets others meanwhile; a KeyboardInterrupt is raised at the end.

    A second KeyboardInterrupt does not wait for an end that may never come.
    """
    if threading.current_thread() is not threading.main_thread():  # signals reach, and are set by, the main one only
        yield
        return
    handlers = {number: handler for number in SIGNALS if callable(handler := signal.getsignal(number))}
    interrupts: list[KeyboardInterrupt] = []

    def caught(number: int, frame: FrameType | None) -> None:
        try:
            handlers[signal.Signals(number)](number, frame)
        except KeyboardInterrupt as interrupt:
            if interrupts:
                raise
            interrupts.append(interrupt)

    real = signal.signal

    def kept(number: int, handler: Any) -> Any:
        return signal.getsignal(number) if number in SIGNALS else real(number, handler)

    for number in handlers:
        real(number, caught)
    signal.signal = kept  # type: ignore[assignment]
    try:
        yield
    finally:
        signal.signal = real
        for number, handler in handlers.items():
            real(number, handler)
        if interrupts:
            raise interrupts[0]
