"""The cache: which points of earlier runs are found, and which must not be."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result

from sweep.execution.executor import Listener
from sweep.execution.job import Job
from sweep.prepare import RunRequest, prepare
from sweep.reporting.leaderboard import TIMING_COLUMNS, load_rows
from sweep.store.cache import Cache
from sweep.store.failure import Failure
from sweep.store.run_folder import RunFolder, list_runs
from sweep.store.state import RunState, load_state
from sweep.store.status import Status
from sweep.testing import ScriptedExecutor, drive

Sweep = Callable[..., Result]


def rows(path: Path) -> list[dict[str, object]]:
    return load_rows(RunFolder(path))


def never_train(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr("model.training.Training.__init__", refuse)


def test_another_run_of_the_same_points_computes_nothing(
    sweep: Sweep, finished: Path, micro: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_train(monkeypatch)
    result = sweep("run", micro, "--executor", "inline", "--name", "micro-2")
    assert result.exit_code == 0
    assert "4 CACHED" in result.stdout
    assert "of training saved" in result.stdout
    cached = rows(finished.with_name("micro-2"))
    assert {row["status"] for row in cached} == {Status.CACHED}
    assert {row["cached_from"] for row in cached} == {"micro"}
    ignored = {*TIMING_COLUMNS, "status", "cached_from"}
    assert [{k: v for k, v in row.items() if k not in ignored} for row in cached] == [
        {k: v for k, v in row.items() if k not in ignored} for row in rows(finished)
    ]


def test_a_finished_command_again_names_the_run_that_holds_its_rows(
    sweep: Sweep, finished: Path, micro: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_train(monkeypatch)
    for _ in range(2):
        result = sweep("run", micro, "--executor", "inline")
        assert result.exit_code == 0
        assert "nothing is left to compute: run micro holds these rows" in result.stdout
        assert "micro: 4 points: 4 COMPLETED" in result.stdout
    assert [folder.name for folder in list_runs(finished.parent)] == ["micro"]


def test_a_run_without_the_cache_holds_its_rows_too(
    sweep: Sweep, micro: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sweep("run", micro, "--executor", "inline", "--no-cache").exit_code == 0
    never_train(monkeypatch)
    assert "run micro holds these rows" in sweep("run", micro, "--executor", "inline").stdout
    assert [folder.name for folder in list_runs(out)] == ["micro"]


def test_a_finished_command_again_retries_failed_trials(sweep: Sweep, micro: Path, out: Path) -> None:
    folder = prepare(RunRequest(space=str(micro), out=out)).open_or_create()
    drive(folder, ScriptedExecutor(lambda job, listener: fail(job, listener)), max_failures=0)
    result = sweep("run", micro, "--executor", "inline")
    assert "nothing is left" not in result.stdout
    assert "micro: 4 points: 4 COMPLETED" in result.stdout


def fail(job: Job, listener: Listener) -> None:
    listener.started(job)
    listener.lost(job, Failure.ERROR, "it broke")


def test_no_cache_computes_again(sweep: Sweep, finished: Path, micro: Path) -> None:
    result = sweep("run", micro, "--executor", "inline", "--no-cache")
    assert "micro-2: 4 points: 4 COMPLETED" in result.stdout


def test_no_cache_persists_across_a_resume(sweep: Sweep, finished: Path, micro: Path) -> None:
    assert sweep("run", micro, "--executor", "inline", "--no-cache", "--name", "fresh").exit_code == 0
    ledger = finished.with_name("fresh") / "ledger.jsonl"
    ledger.write_bytes(b"".join(ledger.read_bytes().splitlines(keepends=True)[:4]))
    assert "4 COMPLETED" in sweep("resume", "fresh").stdout


def test_saved_time_counts_each_trial_once(
    sweep: Sweep, finished: Path, micro: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two decodings of one training of an hour."""
    monkeypatch.setattr("time.perf_counter", iter(range(0, 10**9, 900)).__next__)
    arguments = ("run", micro, "--executor", "inline", "--set", "decode.top_k=1,2", "--set", "lora.rank=1")
    sweep(*arguments, "--set", "lora.dropout=0.0", "--name", "one")
    assert "cached: 30 min of training saved" in sweep(*arguments, "--set", "lora.dropout=0.0", "--name", "two").stdout


def test_only_new_points_are_computed(sweep: Sweep, finished: Path, micro: Path) -> None:
    result = sweep("run", micro, "--executor", "inline", "--set", "lora.rank=2,3")
    assert "2 CACHED, 2 COMPLETED" in result.stdout
    assert "cached     2 points" in sweep("run", micro, "--set", "lora.rank=1,7", "--dry-run").stdout


@pytest.mark.parametrize(
    ("part", "value"), [("numerics_sha256", "x"), ("threads", 2), ("device", "gpu"), ("versions", {"torch": "0"})]
)
def test_results_of_other_conditions_are_not_taken(
    sweep: Sweep, finished: Path, micro: Path, part: str, value: object
) -> None:
    path = finished / "run.json"
    spec = json.loads(path.read_text())
    spec["provenance"][part] = {**spec["provenance"][part], **value} if isinstance(value, dict) else value
    path.write_text(json.dumps(spec))
    assert "cached     0 points" in sweep("run", micro, "--dry-run").stdout


def test_changed_data_is_computed_anew(sweep: Sweep, finished: Path, micro: Path, tmp_path: Path, poems: Path) -> None:
    changed = tmp_path / "poems.txt"
    changed.write_text(poems.read_text().replace("gentle", "bitter"))
    micro.write_text(micro.read_text().replace(str(poems), str(changed)))
    assert "cached     0 points" in sweep("run", micro, "--dry-run").stdout


def test_a_run_that_cannot_be_read_is_passed_over(sweep: Sweep, finished: Path, micro: Path) -> None:
    lines = (finished / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    (finished / "ledger.jsonl").write_bytes(b"".join([lines[0], b"damaged\n", *lines[2:]]))
    assert "4 COMPLETED" in sweep("run", micro, "--executor", "inline", "--name", "other").stdout


def test_each_run_is_read_once_and_only_when_it_is_needed(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    def count(folder: RunFolder) -> RunState:
        read.append(folder.name)
        return load_state(folder)

    monkeypatch.setattr("sweep.store.cache.load_state", count)
    spec = RunFolder(finished).spec
    cache = Cache(finished.parent, skip=None)
    assert read == []
    found = [cache.find(spec.provenance, point) for point in spec.plan.points * 2]
    assert {hit.from_run for hit in found if hit} == {"micro"}
    assert None not in found
    assert read == ["micro"]


def test_own_run_and_unknown_points_are_not_found(finished: Path) -> None:
    spec = RunFolder(finished).spec
    (point, *_) = spec.plan.points
    assert Cache(finished.parent, skip="micro").find(spec.provenance, point) is None
    other = replace(point, train=replace(point.train, seed=9))
    assert Cache(finished.parent, skip=None).find(spec.provenance, other) is None
    assert Cache(finished.parent / "nowhere", skip=None).find(spec.provenance, point) is None


def test_a_run_that_cannot_be_read_hides_no_other(sweep: Sweep, finished: Path, micro: Path) -> None:
    assert sweep("run", micro, "--executor", "inline", "--no-cache", "--name", "aaa").exit_code == 0
    spec = RunFolder(finished).spec
    (finished / "ledger.jsonl").write_bytes(b"damaged\n")
    hit = Cache(finished.parent, skip=None).find(spec.provenance, spec.plan.points[0])
    assert hit is not None
    assert hit.from_run == "aaa"
    (finished.with_name("aaa") / "run.json").write_bytes(b"{}")
    assert Cache(finished.parent, skip=None).find(spec.provenance, spec.plan.points[0]) is None


@pytest.mark.parametrize("search", ["random", "tpe"])
def test_sampled_points_are_found(sweep: Sweep, micro: Path, finished: Path, search: str) -> None:
    """All four points of the grid, drawn from it; and drawn, they are found again."""
    options = ("--executor", "inline", "--search", search, "--num-samples", "4")
    assert "4 CACHED" in sweep("run", micro, *options, "--name", "drawn").stdout
    fresh = sweep("run", micro, *options, "--name", "fresh", "--set", "lr=0.02")
    assert "4 COMPLETED" in fresh.stdout
    assert "4 CACHED" in sweep("run", micro, "--executor", "inline", "--set", "lr=0.02", "--name", "again").stdout


def test_a_file_under_another_name_is_the_same_data(sweep: Sweep, finished: Path, micro: Path, tmp_path: Path) -> None:
    """A copy, a relative path: the content is the identity."""
    data = RunFolder(finished).spec.plan.points[0].train.data
    assert data is not None
    copy = Path("copy.txt")
    copy.write_bytes(Path(data).read_bytes())
    for number, name in enumerate(("copy.txt", "./copy.txt", str(copy.absolute()))):
        result = sweep("run", micro, "--executor", "inline", "--name", f"r{number}", "--set", f"data={name}")
        assert "4 CACHED" in result.stdout


def test_unlike_devices_are_never_mixed(finished: Path) -> None:
    """A result counts for the device that computed it: not for another one of its run, nor for two together."""
    folder = RunFolder(finished)
    (point, *_), own = folder.spec.plan.points, folder.spec.provenance

    def hit(mine: str, device: str) -> bool:
        """Whether a run on `mine` takes the row of a run on `device`, computed on this machine's CPU."""
        cache = Cache(finished.parent, skip=None)
        spec = replace(folder.spec, provenance=replace(own, device=device))
        cache._runs = [other := RunFolder(finished)]
        other.__dict__["spec"] = spec
        return cache.find(replace(own, device=mine), point) is not None

    assert hit(own.device, f"A + {own.device}")
    assert hit(f"A + {own.device}", own.device)
    assert not hit("A", f"A + {own.device}")
    assert not hit("A", own.device)
    assert not hit(own.device, "A + B")  # its device is not among those of the run: it was computed on both
