"""Runs in bf16: `--precision`, its rows, and what may continue where."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from click.testing import Result

from model.pretrained.bases import load_base
from sweep import open_run
from sweep.export.write import export_model
from sweep.planning import machine
from sweep.reporting.leaderboard import load_rows
from sweep.store.run_folder import RunFolder
from tests.sweep.conftest import essence

Sweep = Callable[..., Result]
INLINE = ("--executor", "inline")


@pytest.fixture
def has(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Let this machine say that it multiplies bf16 with these instructions."""
    return lambda name: monkeypatch.setattr(machine, "bf16_instructions", lambda device: name)


@pytest.fixture
def run(sweep: Sweep, micro: Path) -> Sweep:
    return lambda *options: sweep("run", micro, *INLINE, *options)


def precisions(folder: Path) -> set[str | None]:
    return {row.get("precision") for row in load_rows(RunFolder(folder))}


def test_a_run_in_bf16_has_the_column(run: Sweep, out: Path, finished: Path) -> None:
    done = run("--precision", "bf16", "--name", "half")
    assert (done.exit_code, "4 COMPLETED" in done.stdout) == (0, True)
    assert "from the cache" not in done.stdout
    rows = pq.read_table(out / "half" / "leaderboard.parquet").to_pylist()
    assert {row["precision"] for row in rows} == {"bf16"}
    exact = {row["lora.rank"]: row["dev_loss"] for row in load_rows(RunFolder(finished)) if not row["lora.dropout"]}
    half = {row["lora.rank"]: row["dev_loss"] for row in rows if not row["lora.dropout"]}
    for rank in (1, 2):
        assert half[rank] != exact[rank]
        assert half[rank] == pytest.approx(exact[rank], rel=1e-2)


def test_models_of_a_run_in_bf16_are_in_fp32(run: Sweep, out: Path, tmp_path: Path) -> None:
    run("--precision", "bf16", "--set", "lora.rank=2", "--set", "lora.dropout=0")
    done = open_run(out / "micro")
    model, tokenizer = done.load_model()
    assert model.dtype is None
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    ids = torch.tensor([tokenizer.encode("The winter came")])
    export_model(done.folder, None, tmp_path / "exported", "hf")
    exported = load_base(str(tmp_path / "exported")).build().eval()
    torch.testing.assert_close(exported(ids), model(ids), atol=1e-4, rtol=0)  # the exported adapters are merged
    export_model(done.folder, None, tmp_path / "gguf", "gguf")


def test_auto_is_bf16_where_the_device_has_it(run: Sweep, out: Path, has: Callable[[str | None], None]) -> None:
    has("amx_bf16")
    run("--precision", "auto", "--name", "one")
    assert precisions(out / "one") == {"bf16"}
    assert "4 CACHED" in run("--precision", "bf16", "--name", "two").stdout


def test_auto_is_fp32_elsewhere(run: Sweep, out: Path, finished: Path, has: Callable[[str | None], None]) -> None:
    has(None)
    assert run("--precision", "auto").exit_code == 0
    assert list(out.iterdir()) == [finished]  # the run in fp32, of which nothing is left to compute
    assert precisions(finished) == {None}


def test_bf16_is_refused_with_smart(run: Sweep, out: Path, has: Callable[[str | None], None]) -> None:
    refused = run("--precision", "bf16", "--set", "smart.lam=1")
    assert refused.exit_code == 2
    assert "precision: bf16 rounds away the small differences that SMART and Bregman measure" in refused.output
    has("amx_bf16")
    assert run("--precision", "auto", "--set", "smart.lam=1", "--dry-run").exit_code == 0
    assert not list(out.glob("*"))


def test_emulated_bf16_is_said_to_be_slow(
    run: Sweep, has: Callable[[str | None], None], caplog: pytest.LogCaptureFixture
) -> None:
    has(None)
    assert run("--precision", "bf16", "--dry-run").exit_code == 0
    assert "this device has no instructions for it, so it is slower than fp32; consider auto" in caplog.text


def test_it_resumes_only_with_the_same_instructions(
    run: Sweep, sweep: Sweep, out: Path, has: Callable[[str | None], None]
) -> None:
    has("amx_bf16")
    run("--precision", "bf16", "--name", "whole")
    run("--precision", "bf16", "--name", "begun", "--budget", "1trials", "--no-cache")
    has("avx512_bf16")
    refused = sweep("resume", "begun")
    assert refused.exit_code == 2
    assert "changed since this run began: bf16 instructions (amx_bf16, now avx512_bf16)" in refused.output
    has("amx_bf16")
    assert "4 COMPLETED" in sweep("resume", "begun", "--budget", "9trials").stdout
    assert essence(out / "begun") == essence(out / "whole")
