"""Handle SIGINT and SIGTERM from the start of a command to the end of its process.

During a session the first signal requests a graceful stop, and the next one stops immediately. Before and after a
session, the first signal stops immediately. After an immediate stop, further signals are ignored for a while, so that
the last messages can be printed.

Code that must not be left half done, or that would install its own signal handlers, runs in `uninterrupted`.
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
STOPPING_SECONDS = 10  # how long signals are ignored after an immediate stop


class Interrupts:
    """The signals that a command has received while its `with` block is open."""

    def __init__(self, ends_process: bool = True) -> None:
        """`ends_process` is whether the process ends after a signal: True for a command, False for a notebook."""
        self.ends_process = ends_process
        self.first: int | None = None  # the first signal, if any
        self._notify: Callable[[str], None] | None = None  # None: the first signal stops immediately
        self._stopped = -math.inf  # time of the last immediate stop, by the monotonic clock
        self._before: dict[signal.Signals, Any] = {}  # the earlier handlers

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():  # no other thread may set handlers
            self._before = {number: signal.signal(number, self._handle) for number in SIGNALS}
        return self

    def __exit__(self, *error: object) -> None:
        """Restore the handlers; ignore further signals if one came and the process is about to end."""
        self.settle()
        ignored = self.first is not None and self.ends_process
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_IGN if ignored else handler)

    def settle(self) -> None:
        """Ignore signals from now on, because the outcome of the session is settled."""
        self._stopped = math.inf

    @property
    def exit_code(self) -> int:
        """Return the exit code of a process that signals stopped: 128 + the first signal."""
        return 128 + (self.first or signal.SIGINT)

    @contextmanager
    def graceful_stop(self, notify: Callable[[str], None]) -> Iterator[None]:
        """While this is open, let the first signal only request a stop, and pass a message to `notify`."""
        self._notify = notify
        try:
            yield
        finally:
            self._notify = None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        is_first, notify, now = self.first is None, self._notify, time.monotonic()
        self.first = self.first or number
        if is_first and notify is not None:
            with suppress(Exception):  # the signal may interrupt a write to the same stream
                notify("stopping: running trials keep their last checkpoint (repeat to stop immediately)")
        elif now - self._stopped > STOPPING_SECONDS:
            self._stopped = now
            raise KeyboardInterrupt


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Keep the signal handlers, even if other code sets its own, and raise a KeyboardInterrupt only at the end.

    A second KeyboardInterrupt is raised immediately, because the end may never come.
    """
    if threading.current_thread() is not threading.main_thread():  # only the main thread sets and receives signals
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
