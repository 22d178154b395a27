"""Signals: when one stops the run gracefully, when immediately, and when it has no effect."""

import os
import signal
import threading
from collections.abc import Callable

import pytest

from sweep.execution.interrupts import SIGNALS, Interrupts, uninterrupted


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


def in_a_write(message: str) -> None:
    raise RuntimeError("reentrant call inside a stream")


def on_a_full_disk(message: str) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("number", SIGNALS)
def test_second_signal_stops_immediately(interrupts: Interrupts, number: signal.Signals) -> None:
    heard: list[str] = []
    with interrupts, interrupts.graceful_stop(heard.append):
        send(number)
        assert interrupts.first == number
        assert len(heard) == 1
        with pytest.raises(KeyboardInterrupt):
            send(number)


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_outside_work_stops_immediately(interrupts: Interrupts, number: signal.Signals) -> None:
    with interrupts:
        with pytest.raises(KeyboardInterrupt):
            send(number)
        assert interrupts.first == number


def test_signal_after_a_graceful_stop(interrupts: Interrupts) -> None:
    with interrupts:
        with interrupts.graceful_stop(print):
            send(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)
        assert interrupts.first == signal.SIGTERM  # the exit code is that of the first


def test_once_it_stops_at_once_more_change_nothing(interrupts: Interrupts) -> None:
    with interrupts:
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGTERM)
        for number in SIGNALS:
            send(number)
    for number in SIGNALS:  # the process is about to end
        send(number)


@pytest.mark.parametrize("tell", [in_a_write, on_a_full_disk])
def test_unwritable_message_does_not_end_the_session(interrupts: Interrupts, tell: Callable[[str], None]) -> None:
    with interrupts, interrupts.graceful_stop(tell):
        send(signal.SIGINT)
    assert interrupts.first == signal.SIGINT


def test_late_signal_stops_immediately(interrupts: Interrupts, monkeypatch: pytest.MonkeyPatch) -> None:
    """The KeyboardInterrupt may have been lost (in a destructor, say), or what it went through may hang."""
    with interrupts:
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGTERM)
        monkeypatch.setattr("sweep.execution.interrupts.STOPPING_SECONDS", 0)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGTERM)


def test_handlers_are_restored_without_a_signal(interrupts: Interrupts) -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with interrupts:
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_another_thread_leaves_the_handlers_alone(interrupts: Interrupts) -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    inside: list[object] = []

    def work() -> None:
        with interrupts:
            inside.extend(signal.getsignal(number) for number in SIGNALS)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == before


@pytest.mark.parametrize("number", SIGNALS)
def test_uninterruptible_block_finishes(interrupts: Interrupts, number: signal.Signals) -> None:
    done: list[str] = []
    heard: list[str] = []

    def work() -> None:
        with uninterrupted():
            send(number)
            done.extend(heard)  # the first one is answered at once
            send(number)
            done.append("to its end")

    with interrupts, interrupts.graceful_stop(heard.append), pytest.raises(KeyboardInterrupt):
        work()
    assert done == [*heard, "to its end"]
    assert len(heard) == 1


def test_hanging_block_can_be_interrupted(interrupts: Interrupts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweep.execution.interrupts.STOPPING_SECONDS", 0)
    done: list[str] = []

    def work() -> None:
        with uninterrupted():
            for step in ("asked", "at once", "long after"):
                send(signal.SIGTERM)
                done.append(step)

    with interrupts, interrupts.graceful_stop(lambda message: None), pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["asked", "at once"]


@pytest.mark.parametrize("number", SIGNALS)
def test_handlers_that_are_set_meanwhile_are_not_heard(interrupts: Interrupts, number: signal.Signals) -> None:
    real = signal.signal
    with interrupts, interrupts.graceful_stop(lambda message: None):
        before = signal.getsignal(number)
        with uninterrupted():
            signal.signal(number, signal.SIG_IGN)
            send(number)
        assert interrupts.first == number
        assert signal.getsignal(number) == before
    assert signal.signal is real


def test_other_signals_are_not_its_business() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    with uninterrupted():
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    assert signal.signal(signal.SIGUSR1, before) == signal.SIG_IGN


def test_an_error_is_passed_on_with_the_handlers_put_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with pytest.raises(ValueError, match="of its own"), uninterrupted():
        raise ValueError("of its own")
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_in_another_thread_nothing_is_kept_back() -> None:
    inside: list[object] = []

    def work() -> None:
        with uninterrupted():
            inside.append(signal.signal)

    thread = threading.Thread(target=work)
    before = signal.signal
    thread.start()
    thread.join()
    assert inside == [before]
