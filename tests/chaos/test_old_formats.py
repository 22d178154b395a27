"""F14: runs of every past schema_version load and report, and they resume or say in one line why they cannot.

`golden/1` is a finished run of `paraphrase`. The other golden runs are runs of the micro space that were stopped
halfway, with `poems.txt` beside them. They can be resumed as long as the numeric code computes the same numbers. After
that, the error is `OTHER`.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sweep.planning.numerics import numerics_sha256, same_numbers
from sweep.planning.processor import device_name
from sweep.planning.provenance import current_name
from sweep.store.run_folder import RunFolder
from sweep.store.run_spec import SCHEMA_VERSION
from tests.chaos.invariants import check, look, says
from tests.chaos.processes import Commands

pytestmark = pytest.mark.fault("F14")
REFERENCE = Path(__file__).parents[2] / "results" / "reference"
GOLDEN = Path(__file__).parent / "golden"
RUNS = [*sorted(mark.parent for mark in REFERENCE.glob("*/run.json")), *sorted(GOLDEN.glob("[0-9]*"))]
OTHER = "Error: changed since this run began: "


def test_every_version_is_tried() -> None:
    versions = {json.loads((run / "run.json").read_bytes())["schema_version"] for run in RUNS}
    assert versions == set(range(1, SCHEMA_VERSION + 1))


def is_of_today(run: Path) -> bool:
    """Whether today's code on this machine computes what the run's code computed."""
    found = RunFolder(run).spec.provenance
    same_device = current_name(found.device) == device_name(gpu=False)
    return same_device and same_numbers(found.numerics_sha256, numerics_sha256())


def test_run_of_schema_2_resumes_while_numbers_are_unchanged() -> None:
    assert is_of_today(GOLDEN / "2")


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_a_run_of_an_old_version(run: Path, commands: Commands, tmp_path: Path, count: Callable[[int], None]) -> None:
    out = tmp_path / "out"
    shutil.copytree(run, out / run.name)
    shutil.copy(GOLDEN / "poems.txt", commands.folder)
    before = check(out / run.name)
    table = pq.read_table(run / "leaderboard.parquet").to_pylist()
    reported = commands.run("report", run.name, "--rows", "--out", out, "--format", "json")
    assert reported.wait() == 0, reported.stderr
    rows = json.loads(reported.stdout)
    assert [(row["point_id"], row["status"], row["rank"], row["dev_loss"]) for row in rows] == [
        (row["point_id"], row["status"], row["rank"], row["dev_loss"]) for row in table
    ]
    for command in (["ls"], ["status", run.name], ["report", run.name, "--rungs"], ["gc", "--dry-run"]):
        assert commands.run(*command, "--out", out).wait() == 0
    resumed = commands.run("resume", run.name, "--out", out, "--executor", "inline", "--budget", "100trials")
    if not is_of_today(run):
        says(resumed, 2, OTHER, "start a new run with another --name")
        assert resumed.stderr.count("\n") == 1
        assert (out / run.name / "ledger.jsonl").read_bytes() == (run / "ledger.jsonl").read_bytes()
    else:
        says(resumed, 0)
        assert {row["status"] for row in check(out / run.name, before).rows} == {"COMPLETED"}
    count(1)


def test_a_run_of_a_newer_version_is_refused(commands: Commands, tmp_path: Path, count: Callable[[int], None]) -> None:
    shutil.copytree(GOLDEN / "2", tmp_path / "2")
    mark = tmp_path / "2" / "run.json"
    mark.write_text(json.dumps({**json.loads(mark.read_bytes()), "schema_version": SCHEMA_VERSION + 1}))
    for command in ("report", "resume"):
        says(commands.run(command, "2", "--out", tmp_path), 2, "newer version of this tool: update explora-sweep")
    count(1)


def test_the_golden_run_names_no_place_of_a_machine() -> None:
    for path in GOLDEN.rglob("*.json*"):
        assert '"/' not in path.read_text(encoding="utf-8")
    assert look(GOLDEN / "2").rows[0]["data"] == "poems.txt"
    assert RunFolder(GOLDEN / "2").spec.executor == "inline"
