"""The ledger: one JSON object per line, appended and never changed. Everything known about a run is derived from it.

    {"seq": 3, "time": "2026-03-01T12:00:00.123456+00:00", "event": "epoch", ..., "crc": "9a0b1c2d"}

`crc` is the CRC-32 of the line without that field. Each line is one write followed by fsync. An incomplete last line,
left by a crash, is dropped when the ledger is opened for writing; any other damage raises an error that names the line.
The events themselves are declared in `events.py`.
"""

import contextlib
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from model.durable import flush_folder
from sweep.errors import LedgerError
from sweep.store.events import KINDS, Event

E = TypeVar("E", bound=Event)


class Ledger:
    """A ledger that is open for writing. The run folder's lock ensures that there is only one writer."""

    def __init__(self, path: Path) -> None:
        """Open or create `path` and cut off an incomplete last line. Raise LedgerError if there is other damage."""
        self.found, whole = _scan(path) if path.exists() else ([], 0)  # the events in it when it was opened
        self.path = path
        self.seq = len(self.found)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._whole = whole  # bytes of complete lines
        try:
            self._cut()
            if not self.found:
                flush_folder(path.parent)  # without it, a power loss could delete the file with all its lines
        except OSError:
            os.close(self._file)
            raise

    def append(self, event: E, elapsed: float = 0.0) -> E:
        """Write `event` durably and return it with its number and time.

        Raise OSError if that fails; no incomplete line stays behind.
        """
        event = replace(event, seq=self.seq + 1, time=datetime.now(UTC).isoformat(), elapsed=elapsed)
        line = _seal(event)
        self._cut()
        try:
            written = os.write(self._file, line)
            if written < len(line):
                raise OSError(f"wrote {written} of {len(line)} bytes to {self.path} (is the disk full?)")
            os.fsync(self._file)
        except OSError:
            with contextlib.suppress(OSError):  # retried before the next line
                self._cut()
            raise
        self._whole += len(line)
        self.seq += 1
        return event

    def close(self) -> None:
        os.close(self._file)

    def _cut(self) -> None:
        """Cut off everything after the last complete line."""
        if os.fstat(self._file).st_size > self._whole:
            os.ftruncate(self._file, self._whole)


def read_ledger(path: Path) -> Iterator[Event]:
    """Return every event, oldest first, without an incomplete last line.

    Raise LedgerError, with the line number, if a line is damaged.
    """
    return iter(_scan(path)[0])


def _seal(event: Event) -> bytes:
    content = event.to_json()
    record = {"seq": content.pop("seq"), "time": content.pop("time"), "event": event.kind, **content}
    text = json.dumps(record, separators=(",", ":"), allow_nan=False)
    crc = zlib.crc32(text.encode())
    return f'{text[:-1]},"crc":"{crc:08x}"}}\n'.encode()


def _unseal(line: bytes) -> dict[str, Any] | None:
    """Return the JSON object of a line, or None if its checksum does not match."""
    body, mark, crc = line.rpartition(b',"crc":"')
    if not mark or crc[8:] != b'"}' or f"{zlib.crc32(body + b'}'):08x}".encode() != crc[:8]:
        return None
    raw: dict[str, Any] = json.loads(body + b"}")
    return raw


def _decode(path: Path, raw: dict[str, Any]) -> Event:
    """Return the event of a line's JSON object. Raise LedgerError if its kind is unknown or its fields do not fit."""
    kind = KINDS.get(raw["event"])
    if kind is None:
        raise LedgerError(
            f"{path}, line {raw['seq']}: unknown event {raw['event']!r}; a newer version of this tool wrote it: "
            "update explora-sweep"
        )
    try:
        return kind.from_json(raw)
    except (KeyError, TypeError, ValueError) as error:
        raise LedgerError(f"{path}, line {raw['seq']}: not a {raw['event']} event ({error})") from error


def _scan(path: Path) -> tuple[list[Event], int]:
    """Return the events of `path` and the number of bytes in complete lines."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LedgerError(f"cannot read {path}: {error.strerror}") from error
    *lines, torn = data.split(b"\n")  # a line without a line break was never acknowledged
    events: list[Event] = []
    for number, line in enumerate(lines, start=1):
        raw = _unseal(line)
        if raw is None or raw["seq"] != number:
            raise LedgerError(
                f"{path}, line {number}: damaged: its checksum does not match. Restore the file from a copy, "
                "or start the run again under another --name (finished points are taken from other runs)"
            )
        events.append(_decode(path, raw))
    return events, len(data) - len(torn)
