"""Copy a finished run to results/reference, small enough for git.

Run `python -m tools.reference_run RUN...`. Checkpoints and logs are left out, and so are the texts of all draws but the
first: their scores stay. Every line of the ledger keeps its number and time, and gets a new checksum.
"""

import json
import sys
import zlib
from pathlib import Path
from typing import Any

from sweep.reporting.leaderboard import rows, write_leaderboard
from sweep.store.run_folder import RUN_FILE, RunFolder, checksum
from sweep.store.state import load_state

REFERENCE = Path("results/reference")
TEXTS = ("prompt", "generated", "reference")
OUT = "results"  # in place of the folder that the run was written to


def copy_run(source: Path, target: Path) -> None:
    """Copy the run in the folder `source` to `target`, which must not hold a ledger. Raise OSError."""
    target.mkdir(parents=True, exist_ok=True)
    out = json.dumps(str(source.parent))
    (target / "space.py").write_bytes((source / "space.py").read_bytes())
    spec = json.loads((source / RUN_FILE).read_text(encoding="utf-8").replace(out, json.dumps(OUT)))
    spec.pop("crc")
    (target / RUN_FILE).write_text(json.dumps({**spec, "crc": checksum(spec)}, indent=1), encoding="utf-8")
    with (source / "ledger.jsonl").open(encoding="utf-8") as lines, (target / "ledger.jsonl").open("x") as file:
        for line in lines:
            file.write(sealed(thinned(json.loads(line.replace(out, json.dumps(OUT))))))
    folder = RunFolder(target)
    state = load_state(folder)
    write_leaderboard(folder, state, rows(folder, state))


def thinned(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event of the ledger without its checksum and without the texts of draws other than the first."""
    event.pop("crc")
    for score in event.get("scores") or []:
        for sample in score["samples"]:
            if sample.get("draw"):
                for name in TEXTS:
                    sample.pop(name, None)
    return event


def sealed(event: dict[str, Any]) -> str:
    """Return a line of a ledger: the event with the checksum of its JSON text."""
    text = json.dumps(event, separators=(",", ":"), allow_nan=False)
    return f'{text[:-1]},"crc":"{zlib.crc32(text.encode()):08x}"}}\n'


if __name__ == "__main__":
    for run in map(Path, sys.argv[1:]):
        copy_run(run, REFERENCE / run.name)
