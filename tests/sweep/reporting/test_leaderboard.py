"""The leaderboard: column types, ranks, rebuilding, and reading it with other tools."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sweep.planning.flat import decode_keys, train_keys
from sweep.reporting.leaderboard import TIMING_COLUMNS, load_rows, rows, schema, write_leaderboard
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state
from sweep.store.status import Status

# Every column that the design promises.
PROMISED = [
    *("lora.rank", "lora.scale", "lora.dropout", "lr", "decode.top_p", "config_json", "status", "stop_reason", "epoch"),
    *("epochs_budget", "rung", "seed", "base", "trainable_params", "trainable_share", "train_seconds"),
    *("decode_seconds", "tokens_per_second", "peak_memory_bytes", "point_id", "trial_id", "attempt"),
    *("train_loss", "dev_loss", "chrf", "chrf_new", "started_at", "ended_at"),
]


@pytest.fixture
def folder(finished: Path) -> RunFolder:
    return RunFolder(finished)


def test_every_setting_and_promised_column_is_there() -> None:
    names = set(schema().names)
    assert set(PROMISED) <= names
    assert {key for key in {**train_keys(), **decode_keys()} if key != "epochs"} <= names
    assert names >= TIMING_COLUMNS


def test_pandas_reads_typed_columns(folder: RunFolder) -> None:
    frame = pd.read_parquet(folder.leaderboard)
    assert len(frame) == 4
    text = {field.name for field in schema() if field.type == pa.string()}
    flags = {field.name for field in schema() if field.type == pa.bool_()}  # True or nothing
    assert {name for name in frame.columns if pd.api.types.is_object_dtype(frame[name].dtype)} <= text | flags
    assert pd.api.types.is_float_dtype(frame["lora.dropout"])
    assert pd.api.types.is_integer_dtype(frame["lora.rank"])
    assert str(frame["started_at"].dtype) == "datetime64[us, UTC]"
    assert frame["status"].eq("COMPLETED").all()


def test_duckdb_reads_it(folder: RunFolder) -> None:
    query = f"""select "lora.rank", max(chrf) from '{folder.leaderboard}' group by 1 order by 1"""
    assert [rank for rank, _ in duckdb.sql(query).fetchall()] == [1, 2]
    query = f"select count(*), count(distinct point_id) from '{folder.samples}'"
    assert duckdb.sql(query).fetchall() == [(4, 4)]


def test_deleted_it_is_rebuilt_to_the_same_rows(folder: RunFolder) -> None:
    before, samples = pq.read_table(folder.leaderboard), pq.read_table(folder.samples)
    folder.leaderboard.unlink()
    folder.samples.unlink()
    write_leaderboard(folder, load_state(folder), load_rows(folder))
    assert pq.read_table(folder.leaderboard).equals(before)
    assert pq.read_table(folder.samples).equals(samples)
    assert before.schema.equals(schema())


def test_an_unfinished_run_has_all_its_rows(folder: RunFolder) -> None:
    lines = folder.ledger.read_bytes().splitlines(keepends=True)
    for count in range(len(lines)):
        folder.ledger.write_bytes(b"".join(lines[:count]))
        table = load_rows(folder)
        assert len(table) == 4
        pa.Table.from_pylist(table, schema=schema())
    assert {row["status"] for row in table} == {Status.COMPLETED, Status.RUNNING}


def test_scores_are_ranked_and_compared_with_the_base(folder: RunFolder) -> None:
    table = load_rows(folder)
    assert [row["rank"] for row in table] == [1, 2, 3, 4]
    assert [row["chrf"] for row in table] == sorted((row["chrf"] for row in table), reverse=True)
    assert len({row["base_chrf"] for row in table}) == 1
    assert all(row["trainable_share"] == row["trainable_params"] / row["total_params"] for row in table)


def edited(folder: RunFolder, **changes: Any) -> list[dict[str, Any]]:
    """The rows when the first trial of the plan ended otherwise."""
    state = load_state(folder)
    trial = folder.spec.plan.trials[0]
    for name, value in changes.items():
        setattr(state.trials[trial.trial_id], name, value)
    found = state.scores.pop(trial.points[0].point_id)
    if changes["status"] is Status.STOPPED:
        score = replace(found.score, metrics={"chrf": 99.0, "chrf_new": 99.0})
        state.scores[trial.points[0].point_id] = replace(found, score=score, epoch=1)
    return rows(folder, state)


def test_a_stopped_trial_is_listed_behind_and_never_ranks(folder: RunFolder) -> None:
    epochs = dict(list(load_state(folder).trials[folder.spec.plan.trials[0].trial_id].epochs.items())[:1])
    *ranked, stopped = edited(folder, status=Status.STOPPED, reason="patience", epochs=epochs)
    assert [row["rank"] for row in ranked] == [1, 2, 3]
    assert (stopped["status"], stopped.get("rank"), stopped["chrf"]) == (Status.STOPPED, None, 99.0)
    assert (stopped["epoch"], stopped["epochs_budget"], stopped["stop_reason"]) == (1, 2, "patience")


def test_a_diverged_trial_keeps_its_true_loss(folder: RunFolder) -> None:
    *_, diverged = edited(folder, status=Status.DIVERGED, reason="nan", loss="inf", epochs={})
    assert diverged["train_loss"] == float("inf")
    assert diverged["status"] == Status.DIVERGED


def test_ties_are_broken_the_same_way_every_time(folder: RunFolder) -> None:
    state = load_state(folder)
    for name, found in state.scores.items():
        state.scores[name] = replace(found, score=replace(found.score, metrics={"chrf": 40.0, "chrf_new": 20.0}))
    table = rows(folder, state)
    assert [row["dev_loss"] for row in table] == sorted(row["dev_loss"] for row in table)


def test_settings_of_the_optimizer_are_columns(sweep: Any, micro: Path, out: Path) -> None:
    """Also where they are defaults, which ids leave out."""
    axes = ("--set", "lora.rank=1", "--set", "lora.dropout=0", "--set", "epochs=1", "--set", "adamw.beta1=0.8,0.9")
    assert sweep("run", micro, "--executor", "inline", "--name", "betas", *axes).exit_code == 0
    table = pq.read_table(out / "betas" / "leaderboard.parquet").to_pylist()
    assert {row["adamw.beta1"] for row in table} == {0.8, 0.9}
    assert {row["adamw.beta2"] for row in table} == {0.999}
    assert {row["soap.beta1"] for row in table} == {None}
    assert sum("adamw" in row["config_json"].replace('"adamw"', "") for row in table) == 1
    assert "adamw.beta1" in sweep("report", "betas", "--format", "md").stdout
