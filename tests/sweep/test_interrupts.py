"""When a signal asks, when it stops at once, and when it changes nothing."""

import os
import signal
import threading

import pytest

from sweep.interrupts import SIGNALS, Interrupts


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


def cannot_tell(message: str) -> None:
    raise RuntimeError("reentrant call inside a stream")


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_one_asks_and_the_second_stops_at_once(interrupts: Interrupts, number: signal.Signals) -> None:
    heard: list[str] = []
    with interrupts, interrupts.asking(heard.append):
        send(number)
        assert interrupts.number == number
        assert len(heard) == 1
        with pytest.raises(KeyboardInterrupt):
            send(number)


@pytest.mark.parametrize("number", SIGNALS)
def test_without_work_the_first_one_stops_at_once(interrupts: Interrupts, number: signal.Signals) -> None:
    with interrupts:
        with pytest.raises(KeyboardInterrupt):
            send(number)
        assert interrupts.number == number


def test_one_after_the_work_that_was_asked_to_stop(interrupts: Interrupts) -> None:
    with interrupts:
        with interrupts.asking(print):
            send(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)
        assert interrupts.number == signal.SIGTERM  # the exit code is that of the first


def test_once_it_stops_at_once_more_change_nothing(interrupts: Interrupts) -> None:
    with interrupts:
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGTERM)
        for number in SIGNALS:
            send(number)
    for number in SIGNALS:  # the process is about to end
        send(number)


def test_a_message_that_cannot_be_written_now_is_not_worth_a_session(interrupts: Interrupts) -> None:
    with interrupts, interrupts.asking(cannot_tell):
        send(signal.SIGINT)
    assert interrupts.number == signal.SIGINT


def test_handlers_are_put_back_where_no_signal_came(interrupts: Interrupts) -> None:
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
