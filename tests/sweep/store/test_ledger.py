"""The ledger: truncated at any byte, damaged anywhere, and on a failing disk."""

import errno
import os
import zlib
from pathlib import Path

import pytest

from sweep.errors import LedgerError
from sweep.store.events import EpochEvent, StatusEvent
from sweep.store.ledger import Ledger, read_ledger
from sweep.store.status import Status


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger of five events."""
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)
    for number in range(5):
        ledger.append(EpochEvent(trial_id="t", attempt=1, epoch=number, reason='quote " and \u00fcml\u00e4ut'))
    ledger.close()
    return path


def test_events_come_back_in_order(path: Path) -> None:
    events = list(read_ledger(path))
    assert [(event.seq, event.kind, getattr(event, "epoch", None)) for event in events] == [
        (number + 1, "epoch", number) for number in range(5)
    ]


def test_truncated_ledger_keeps_complete_lines(path: Path) -> None:
    data = path.read_bytes()
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        whole = data[:cut].count(b"\n")
        assert len(list(read_ledger(path))) == whole
        ledger = Ledger(path)
        ledger.append(StatusEvent(trial_id="t", attempt=cut, status=Status.RUNNING))
        ledger.close()
        events = list(read_ledger(path))
        assert [event.seq for event in events] == list(range(1, whole + 2))
        assert getattr(events[-1], "attempt", None) == cut


def test_any_changed_byte_is_refused_with_its_line(path: Path) -> None:
    data = bytearray(path.read_bytes())
    ends = [index for index, byte in enumerate(data) if byte == ord("\n")]
    for position in range(0, len(data), 7):
        if position in ends:
            continue
        damaged = bytearray(data)
        damaged[position] ^= 1
        if damaged[position] == ord("\n") or data[position] == ord("\n"):
            continue
        path.write_bytes(damaged)
        line = sum(end < position for end in ends) + 1
        with pytest.raises(LedgerError, match=f"line {line}: damaged"):
            list(read_ledger(path))


def test_a_missing_line_is_refused(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2] + lines[3:]))
    with pytest.raises(LedgerError, match="line 3: damaged"):
        list(read_ledger(path))


@pytest.mark.parametrize("operation", ["write", "fsync"])
def test_a_full_disk_leaves_no_torn_line(path: Path, operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()
    ledger = Ledger(path)

    def full(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, operation, full)
        with pytest.raises(OSError, match="No space left"):
            ledger.append(StatusEvent(trial_id="t", attempt=1, status=Status.RUNNING))
    assert path.read_bytes() == before
    ledger.append(StatusEvent(trial_id="t", attempt=1, status=Status.RUNNING))
    ledger.close()
    assert len(list(read_ledger(path))) == 6


def test_a_short_write_is_an_error_and_undone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, write = path.read_bytes(), os.write
    ledger = Ledger(path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:10]))
        with pytest.raises(OSError, match="is the disk full"):
            ledger.append(StatusEvent(trial_id="t", attempt=1, status=Status.RUNNING))
    assert path.read_bytes() == before
    ledger.close()


def test_a_number_that_json_does_not_know_is_refused(path: Path) -> None:
    ledger = Ledger(path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        ledger.append(EpochEvent(trial_id="t", attempt=1, epoch=1, metric=float("nan")))
    ledger.close()


def test_an_event_of_a_newer_version_is_named(path: Path) -> None:
    line = b'{"seq":6,"time":"","event":"verdict"}'
    sealed = line[:-1] + f',"crc":"{zlib.crc32(line):08x}"}}\n'.encode()
    path.write_bytes(path.read_bytes() + sealed)
    with pytest.raises(LedgerError, match=r"line 6: unknown event 'verdict'.*update explora-sweep"):
        list(read_ledger(path))


def test_an_event_without_its_fields_is_named(path: Path) -> None:
    line = b'{"seq":6,"time":"","event":"status","trial_id":"t"}'
    path.write_bytes(path.read_bytes() + line[:-1] + f',"crc":"{zlib.crc32(line):08x}"}}\n'.encode())
    with pytest.raises(LedgerError, match="line 6: not a status event"):
        list(read_ledger(path))
