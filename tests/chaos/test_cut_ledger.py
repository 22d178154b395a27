"""F1: a ledger truncated at any byte keeps all complete lines and can be appended to."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sweep.store.events import SessionEvent
from sweep.store.ledger import Ledger, read_ledger
from sweep.store.state import RunState, fold
from tests.chaos.records import records, write_records

pytestmark = pytest.mark.fault("F1")
SAMPLE_STEP = 13  # bytes between two cuts of the sample; no divisor of a line's length


@pytest.mark.timeout(300)
def test_cut_at_every_byte(
    tmp_path: Path, full: bool, count: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    whole, path = tmp_path / "whole", tmp_path / "ledger.jsonl"
    write_records(whole, records())
    data, events = whole.read_bytes(), list(read_ledger(whole))
    assert len(events) >= 36
    states = [fold(events[:number]) for number in range(len(events) + 1)]
    cuts = sorted({*range(0, len(data) + 1, 1 if full else SAMPLE_STEP), *edges(data)})
    count(len(cuts))
    for cut in cuts:
        path.write_bytes(data[:cut])
        kept = data[:cut].count(b"\n")
        seen = list(read_ledger(path))
        assert seen == events[:kept], cut
        assert fold(seen) == states[kept], cut
        ledger = Ledger(path)
        ledger.append(SessionEvent(command=[str(cut)]))
        ledger.close()
        again = list(read_ledger(path))
        assert again[:-1] == events[:kept], cut
        assert isinstance(again[-1], SessionEvent)
        assert (again[-1].seq, again[-1].command) == (kept + 1, [str(cut)])
        assert isinstance(fold(again), RunState)


def edges(data: bytes) -> set[int]:
    """The bytes around every line's end."""
    ends = [index for index, byte in enumerate(data) if byte == ord("\n")]
    return {cut for end in ends for cut in (end - 1, end, end + 1)} | {len(data)}
