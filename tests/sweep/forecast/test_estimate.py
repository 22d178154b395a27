"""Estimates: within a factor of the actual cost, and None if nothing is known."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result

from model.config import DecodeConfig, TrainConfig
from model.training import Training
from sweep.errors import RunError
from sweep.execution.driver import run_session
from sweep.forecast.estimate import Estimate, estimate, heaviest, lines
from sweep.forecast.known import Bulk, Known
from sweep.forecast.measure import Measured, measure
from sweep.forecast.past import DecodeCost, Past, TrainCost, family
from sweep.forecast.sizes import sizes
from sweep.planning.config import RunLimits
from sweep.planning.plan import Point
from sweep.prepare import PreparedRun, RunRequest, prepare
from sweep.reporting.leaderboard import load_rows
from sweep.reporting.numbers import duration, size
from sweep.reporting.reporter import SilentReporter
from sweep.store.run_folder import RunFolder
from sweep.testing import ScriptedExecutor
from tests.model.folders import write_base

Sweep = Callable[..., Result]
FACTOR = 4  # between an estimate and the truth, on a machine that is busy with other things


@pytest.fixture
def prepared(micro: Path, out: Path) -> PreparedRun:
    return prepare(RunRequest(space=str(micro), out=out, settings=("epochs=4",)))


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, poems: Path) -> Measured:
    """One epoch of a point of the micro space."""
    point = point_of(poems, lora={"rank": 2})
    return measure(point, threads=1, gpu=False)


def point_of(poems: Path, **settings: object) -> Point:
    train = TrainConfig(**{"epochs": 1, "batch_size": 2, "data": str(poems), **settings})  # type: ignore[arg-type]
    return Point(train, DecodeConfig(max_new_tokens=6))


def of(prepared: PreparedRun, **options: object) -> Estimate:
    defaults = {"concurrency": 1, "keep": "last", "measured": None, "cached": ()}
    spec = prepared.spec
    return estimate(spec.plan, spec.provenance, prepared.request.out, **{**defaults, **options})  # type: ignore[arg-type]


def test_nothing_known_is_said_so(prepared: PreparedRun) -> None:
    found = of(prepared)
    assert (found.source, found.share, found.runs, found.peak_memory_bytes) == (None, 0.0, 0, None)
    assert found.disk_bytes > found.kept_bytes > 0  # shapes alone tell
    time, disk, memory = lines(found)
    assert time == "time       unknown: run with --measure"
    assert memory == "memory     unknown: run with --measure"
    assert "(--keep last)" in disk


def test_estimate_from_an_earlier_run_is_within_a_factor(
    finished: Path, sweep: Sweep, micro: Path, prepared: PreparedRun
) -> None:
    """Twice the epochs of a finished run, then run and compared."""
    found = of(prepared)
    assert (found.source, found.share, found.runs) == ("earlier runs", 1.0, 1)
    assert sweep("run", micro, "--executor", "inline", "--set", "epochs=4", "--no-cache").exit_code == 0
    rows = load_rows(RunFolder(finished.parent / "micro-2"))
    truth = sum(row["train_seconds"] for row in rows)
    assert truth / FACTOR < found.train_seconds < truth * FACTOR
    scoring = sum(row["decode_seconds"] for row in rows)
    assert scoring / FACTOR < found.decode_seconds < scoring * 5 / 4 * FACTOR  # the un-tuned base is a fifth one
    peak = max(row["peak_memory_bytes"] for row in rows)
    assert peak / 2 < (found.peak_memory_bytes or 0) < peak * 2
    assert found.wall_seconds >= found.train_seconds


def test_unknown_methods_use_the_nearest_known_trial(micro: Path, out: Path) -> None:
    """Of a made-up run, in which every training takes a second an epoch and every scoring a tenth of one."""
    earlier = prepare(RunRequest(space=str(micro), out=out)).open_or_create()
    run_session(earlier, ScriptedExecutor(), SilentReporter(), ["sweep"], limits=RunLimits())
    settings = ("epochs=2", "smart.lam=1", "smart.steps=2", "decode.max_new_tokens=12")
    smart = of(prepare(RunRequest(space=str(micro), out=out, settings=settings)))
    plain = of(prepare(RunRequest(space=str(micro), out=out, settings=("lr=0.02",))))
    assert smart.share == 1.0
    assert 3 < smart.train_seconds / plain.train_seconds < 5  # four forward passes for one
    assert smart.decode_seconds / plain.decode_seconds == pytest.approx(2)  # twice the tokens


def test_cached_points_cost_nothing(finished: Path, micro: Path, out: Path, prepared: PreparedRun) -> None:
    again = prepare(RunRequest(space=str(micro), out=out))
    known = [point.point_id for point in (*again.plan.points, *again.plan.baselines)]
    found = of(again, cached=known)
    assert (found.trials, found.train_seconds, found.wall_seconds, found.share) == (0, 0, 0, 1.0)
    assert lines(found) == ["time       none: every point is already computed"]
    half = of(again, cached=known[:2])
    assert 0 < half.train_seconds < of(again).train_seconds


def test_a_run_that_cannot_be_read_is_passed_over(finished: Path, prepared: PreparedRun) -> None:
    ledger = finished / "ledger.jsonl"
    ledger.write_bytes(b"damaged\n" + ledger.read_bytes())
    other = finished.parent / "other"
    other.mkdir()
    (other / "run.json").write_text("{}")
    assert of(prepared).source is None


def test_other_devices_and_threads_do_not_count(finished: Path, prepared: PreparedRun) -> None:
    for change in ({"threads": 2}, {"device": "a GPU"}):
        spec = replace(prepared.spec, provenance=replace(prepared.spec.provenance, **change))  # type: ignore[arg-type]
        assert of(replace(prepared, spec=spec)).source is None


def test_more_at_a_time_take_less_time_and_more_memory(finished: Path, prepared: PreparedRun) -> None:
    one, two = of(prepared), of(prepared, concurrency=2)
    assert one.wall_seconds / 2 <= two.wall_seconds < one.wall_seconds
    assert (two.peak_memory_bytes or 0) > 1.5 * (one.peak_memory_bytes or 0)
    assert two.disk_bytes > one.disk_bytes
    assert two.kept_bytes == one.kept_bytes


def test_measurement_is_used_without_past_runs(measured: Measured, prepared: PreparedRun) -> None:
    found = of(prepared, measured=measured)
    assert (found.source, found.share, found.runs) == ("measured", 1.0, 0)
    assert found.train_seconds == pytest.approx(16 * measured.train_seconds)
    assert found.decode_seconds == pytest.approx(5 * measured.decode_seconds)
    assert lines(found)[0].endswith("with 1 trial at a time (from one measured epoch)")


def test_measurement_scales_with_base_parameters(measured: Measured, micro: Path, out: Path, tmp_path: Path) -> None:
    other = write_base(tmp_path / "base")
    found = of(prepare(RunRequest(space=str(micro), out=out, settings=(f"base=tiny,{other}",))), measured=measured)
    assert (found.share, found.source) == (1.0, "measured")
    params = [sizes(TrainConfig(base=base), None).total_params for base in ("tiny", str(other))]
    assert found.train_seconds == pytest.approx(8 * measured.train_seconds * (1 + params[1] / params[0]))


def test_measured_baseline_gives_no_training_time(measured: Measured, prepared: PreparedRun) -> None:
    untuned = replace(measured, settings={**prepared.plan.baselines[0].settings}, train_seconds=0.0)
    found = of(prepared, measured=untuned)
    assert (found.share, found.train_seconds) == (0.2, 0.0)
    assert found.decode_seconds == pytest.approx(measured.decode_seconds)


@pytest.mark.parametrize(("device", "ratio"), [("cpu (AVX2)", 1.0), ("a GPU", 2.0)])
def test_smaller_batches_cost_more_on_a_gpu_only(
    measured: Measured, micro: Path, out: Path, device: str, ratio: float
) -> None:
    prepared = prepare(RunRequest(space=str(micro), out=out, settings=("batch_size=1",)))
    spec = replace(prepared.spec, provenance=replace(prepared.spec.provenance, device=device))
    found = of(replace(prepared, spec=spec), measured=measured)
    assert found.train_seconds == pytest.approx(8 * measured.train_seconds * ratio)


def test_measurement_is_plausible(measured: Measured, poems: Path) -> None:
    assert 0 < measured.train_seconds <= measured.epoch_seconds
    assert measured.start_seconds > 0.1
    assert measured.decode_seconds > 0
    assert measured.peak_memory_bytes > 2**26
    assert measured.sample_bytes > 20


def test_measuring_an_untrainable_point_is_refused(poems: Path) -> None:
    with pytest.raises(RunError, match=r"cannot measure \w+: .*DivergedError.*loss became"):
        measure(point_of(poems, lr=1e30), threads=1, gpu=False)


@pytest.mark.parametrize("optimizer", ["adamw", "soap"])
@pytest.mark.parametrize("method", ["weights", "lora", "teacher"])
def test_checkpoint_size_follows_from_shapes(poems: Path, tmp_path: Path, optimizer: str, method: str) -> None:
    methods: dict[str, dict[str, object]] = {
        "weights": {},
        "lora": {"lora": {"rank": 8}},
        "teacher": {"lora": {"rank": 8}, "smart": {"bregman_mu": 1.0}},
    }
    base = write_base(tmp_path / "base")  # so small that SOAP takes no time
    config = point_of(poems, base=str(base), optimizer=optimizer, **methods[method]).train
    training = Training(config)
    training.run_epoch()
    told = sizes(config, None)
    assert told.trainable_params == training.trainable_params
    for name, expected in (("resumable", told.resumable_bytes), ("final", told.final_bytes)):
        place = training.save(tmp_path / name, resumable=name == "resumable")
        assert expected == pytest.approx(sum(file.stat().st_size for file in place.iterdir()), rel=0.02, abs=12_000)


@pytest.mark.parametrize(("keep", "copies"), [("none", 0), ("last", 1), ("best+last", 2), ("all", 4)])
def test_disk_estimate_depends_on_keep(prepared: PreparedRun, keep: str, copies: int) -> None:
    weights = sum(sizes(trial.config, None).final_bytes for trial in prepared.plan.trials)
    assert of(prepared, keep=keep).kept_bytes == copies * weights


def test_the_heaviest_is_measured(micro: Path, out: Path) -> None:
    plan = prepare(RunRequest(space=str(micro), out=out, settings=("batch_size=2,4", "optimizer=adamw,soap"))).spec
    point = heaviest(plan.plan, plan.provenance, ())
    assert point is not None
    assert (point.train.batch_size, point.train.optimizer) == (4, "soap")
    assert point.train.lora is not None
    assert point.train.lora.rank == 2
    everything = [point.point_id for point in (*plan.plan.points, *plan.plan.baselines)]
    assert heaviest(plan.plan, plan.provenance, everything) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "1 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (7195, "2 h"),
        (273_600, "3 d 4 h"),
    ],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "1 KiB"), (5_000, "4 KiB"), (2**20, "1.0 MiB"), (50 * 2**20, "50 MiB"), (3 * 2**30, "3.0 GiB")],
)
def test_sizes_read_well(count: int, text: str) -> None:
    assert size(count) == text


def test_a_disk_too_small_is_said(prepared: PreparedRun) -> None:
    disk = lines(replace(of(prepared), free_bytes=2**20 // 2, disk_bytes=2**20))[1]
    assert disk.endswith("at most 1.0 MiB, MORE than the 512 KiB of free space")


def test_a_part_that_is_unknown_makes_it_a_lower_bound(finished: Path, prepared: PreparedRun) -> None:
    text = lines(replace(of(prepared), share=0.75, concurrency=2))
    assert text[0].startswith("time       at least ")
    assert text[0].endswith(
        "with 2 trials at a time (from 1 earlier run; 25% of the trials unknown: run with --measure)"
    )


def test_precisions_are_kinds_of_their_own(prepared: PreparedRun, poems: Path) -> None:
    """An epoch takes 4 s in fp32 and 1 s in bf16, and a scoring 2 s and 3 s."""
    provenance = prepared.spec.provenance
    exact, half = (replace(prepared.plan.points[0].train, precision=name) for name in (None, "bf16"))
    kin = family(prepared.plan.points[0], provenance)
    shared = {"runs": frozenset({"earlier"}), "family": kin, "peak_memory_bytes": 1}
    train = [TrainCost(config=c, epoch_seconds=s, train_seconds=s, **shared) for c, s in ((exact, 4.0), (half, 1.0))]
    decode = [
        DecodeCost(decode=None, precision=name, seconds=s, sample_bytes=1, **shared)
        for name, s in ((None, 2.0), ("bf16", 3.0))
    ]
    known = Known(
        past=Past(train_costs=tuple(train), decode_costs=tuple(decode), starts=()),
        measured=None,
        provenance=provenance,
        bulks={kin: Bulk(examples=6, params=10)},
    )
    for config, epoch, scoring in ((exact, 4.0, 2.0), (half, 1.0, 3.0)):
        trained, scored = known.train_cost(config, kin), known.decode_cost(None, config.precision, kin)
        assert (trained and trained.epoch_seconds, scored and scored.seconds) == (epoch, scoring)
