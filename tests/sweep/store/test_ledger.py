"""The ledger: truncated at any byte, damaged anywhere, and on a failing disk."""

import zlib
from pathlib import Path

import pytest

from sweep.errors import LedgerError
from sweep.store.events import EpochEvent
from sweep.store.ledger import Ledger, read_ledger


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


def test_a_missing_line_is_refused(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2] + lines[3:]))
    with pytest.raises(LedgerError, match="line 3: damaged"):
        list(read_ledger(path))


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
