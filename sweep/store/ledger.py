"""The ledger: one JSON object a line, appended and never changed. All that is known of a run is derived from it.

    {"seq": 3, "time": "2026-03-01T12:00:00.123456+00:00", "event": "epoch", ..., "crc": "9a0b1c2d"}

`crc` is the CRC-32 of the line without it. A line is one write followed by fsync. A last line that a crash has torn is
dropped when the ledger is opened for writing; damage anywhere else is refused with its line number.
"""

import contextlib
import json
import os
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from model.durable import flush_folder
from sweep.errors import LedgerError

Event = dict[str, Any]


class Ledger:
    """The writing end. There is one writer: the run folder's lock sees to it."""

    def __init__(self, path: Path) -> None:
        """Open `path`, created if need be, and cut a torn last line off. Raises LedgerError on other damage."""
        self.found, whole = _scan(path) if path.exists() else ([], 0)  # the events that it held when it was opened
        self.path = path
        self.seq = len(self.found)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._whole = whole
        try:
            self._cut()
            if not self.found:
                flush_folder(path.parent)  # else a loss of power could take the file with all its lines
        except OSError:
            os.close(self._file)
            raise

    def append(self, event: str, **content: Any) -> Event:
        """Write one event durably and return it. Raises OSError (disk full) and leaves no torn line behind."""
        record = {"seq": self.seq + 1, "time": datetime.now(UTC).isoformat(), "event": event, **content}
        line = _seal(record)
        self._cut()
        try:
            written = os.write(self._file, line)
            if written < len(line):
                raise OSError(f"wrote {written} of {len(line)} bytes to {self.path} (is the disk full?)")
            os.fsync(self._file)
        except OSError:
            with contextlib.suppress(OSError):  # tried again before the next line
                self._cut()
            raise
        self._whole += len(line)
        self.seq += 1
        return record

    def close(self) -> None:
        os.close(self._file)

    def _cut(self) -> None:
        """Take off what stands behind the last acknowledged line."""
        if os.fstat(self._file).st_size > self._whole:
            os.ftruncate(self._file, self._whole)


def read_ledger(path: Path) -> Iterator[Event]:
    """Every whole event, oldest first; a torn last line is passed over. Raises LedgerError, with the line number."""
    return iter(_scan(path)[0])


def _seal(record: Event) -> bytes:
    text = json.dumps(record, separators=(",", ":"), allow_nan=False)
    crc = zlib.crc32(text.encode())
    return f'{text[:-1]},"crc":"{crc:08x}"}}\n'.encode()


def _unseal(line: bytes) -> Event | None:
    """The event of a line, or None when it is not what was written."""
    body, mark, crc = line.rpartition(b',"crc":"')
    if not mark or crc[8:] != b'"}' or f"{zlib.crc32(body + b'}'):08x}".encode() != crc[:8]:
        return None
    event: Event = json.loads(body + b"}")
    return event


def _scan(path: Path) -> tuple[list[Event], int]:
    """The whole events of `path` and the number of bytes they take."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LedgerError(f"cannot read {path}: {error.strerror}") from error
    *lines, torn = data.split(b"\n")  # a line without its break was never acknowledged
    events: list[Event] = []
    for number, line in enumerate(lines, start=1):
        event = _unseal(line)
        if event is None or event["seq"] != number:
            raise LedgerError(
                f"{path}, line {number}: damaged, it is not what was written. Restore the file from a copy, "
                "or start the run again under another --name (finished points are taken from other runs)"
            )
        events.append(event)
    return events, len(data) - len(torn)
