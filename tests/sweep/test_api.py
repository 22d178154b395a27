"""The Python API: everything the commands do, from a script or a notebook."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import sweep
from sweep import Space, grid
from sweep.errors import RunError, SpaceError

POINTS = {"lora.rank": grid(1, 2), "lora.dropout": grid(0.0, 0.5)}


@pytest.fixture
def space(poems: Path) -> Space:
    return Space(
        fixed={"epochs": 2, "batch_size": 2, "lr": 0.01, "data": str(poems)},
        axes=POINTS,
        decoding={"max_new_tokens": 6},
    )


@pytest.fixture
def run(space: Space, out: Path) -> sweep.Run:
    return sweep.run(space, out=out, executor="inline", progress=False)


def test_a_space_made_in_python_runs(run: sweep.Run, out: Path) -> None:
    frame = run.leaderboard()
    assert run.path == out / "space"
    assert sorted(frame["lora.rank"]) == [1, 1, 2, 2]
    assert (frame["status"] == "COMPLETED").all()
    assert run.status().is_done
    assert dict(run.status().counts) == {"COMPLETED": 4}
    assert repr(run) == "<Run 'space': 4 COMPLETED>"


def test_its_copy_is_a_space_file(run: sweep.Run, space: Space) -> None:
    from sweep.planning.registry import load_space

    assert load_space(str(run.path / "space.py")).space == space


def test_data_frames_match_the_files(run: sweep.Run) -> None:
    pd.testing.assert_frame_equal(run.leaderboard(), pd.read_parquet(run.path / "leaderboard.parquet"))
    pd.testing.assert_frame_equal(run.samples(), pd.read_parquet(run.path / "samples.parquet"))


def test_curves_have_a_row_for_each_trial_and_epoch(run: sweep.Run) -> None:
    curves, rows = run.curves(), run.leaderboard()
    assert list(curves.groupby("trial_id").size()) == [2] * 4
    last = curves[curves["epoch"] == 2].set_index("trial_id")
    for _, row in rows.iterrows():
        assert last.loc[row["trial_id"], ["dev_loss", "chrf", "lora.rank"]].to_list() == [
            row["dev_loss"],
            row["chrf"],
            row["lora.rank"],
        ]


def test_best_model_reproduces_its_score(run: sweep.Run) -> None:
    from model import DecodeConfig, generate
    from model.tasks import load_task

    best = run.best()
    model, tokenizer = run.load_model()
    task = load_task("sonnets", best["data"], tokenizer, model.config.n_positions)
    decode = DecodeConfig(max_new_tokens=6, top_p=best["decode.top_p"], temperature=best["decode.temperature"])
    assert task.evaluate(model, "dev", decode, int(best["seed"])).metrics["chrf"] == best["chrf"]
    assert generate(model, tokenizer, ["The winter came"], decode)


def test_a_named_point_is_loaded_and_an_unknown_one_refused(run: sweep.Run) -> None:
    last = run.leaderboard().iloc[-1]
    model, _ = run.load_model(last["point_id"])
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == last["trainable_params"]
    with pytest.raises(RunError, match="has no point 'nothing'"):
        run.load_model("nothing")


def test_a_checkpoint_that_was_not_kept_is_named(space: Space, out: Path) -> None:
    run = sweep.run(space, out=out, executor="inline", progress=False, keep="none")
    with pytest.raises(RunError, match="train it again with keep='all'"):
        run.load_model()


def test_a_cached_points_model_is_the_earlier_runs(run: sweep.Run, space: Space, out: Path) -> None:
    again = sweep.run(space, out=out, name="again", executor="inline", progress=False)
    assert dict(again.status().counts) == {"CACHED": 4}
    ours, theirs = again.load_model()[0], run.load_model()[0]
    assert all(one.equal(other) for one, other in zip(ours.parameters(), theirs.parameters(), strict=True))


def test_a_spent_budget_is_resumed(space: Space, out: Path) -> None:
    run = sweep.run(space, out=out, executor="inline", progress=False, budget="2trials")
    assert not run.status().is_done
    assert "resume with: sweep resume space" in run.status().activity
    assert run.resume(budget=None, progress=False).status().is_done


def test_runs_are_found_by_name_and_path(run: sweep.Run, out: Path) -> None:
    assert [found.name for found in sweep.list_runs(out)] == ["space"]
    assert sweep.open_run("space", out).path == sweep.open_run(out / "space").path == run.path
    with pytest.raises(RunError, match="no run 'nothing'"):
        sweep.open_run("nothing", out)


def test_settings_are_laid_over_the_space(space: Space, out: Path) -> None:
    run = sweep.run(
        space, out=out, executor="inline", progress=False, settings={"lora.rank": grid(3), "lora.dropout": 0.0}
    )
    assert run.leaderboard()["lora.rank"].to_list() == [3]


def test_wrong_input_is_refused_before_anything_is_written(space: Space, out: Path) -> None:
    with pytest.raises(SpaceError, match=r"did you mean 'lora.rank'"):
        sweep.run(space, out=out, settings={"lora.rnk": 3})
    with pytest.raises(TypeError, match="unknown option 'budgett'"):
        sweep.run(space, out=out, budgett="3m")
    assert not out.exists()


def test_public_names() -> None:
    assert set(sweep.__all__) < set(dir(sweep))
    assert all(getattr(sweep, name) is not None for name in dir(sweep))
    assert "lora_rank" in sweep.list_spaces()
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = sweep.nothing


def test_importing_sweep_loads_nothing_heavy() -> None:
    code = "import sys, sweep; sweep.Space; sweep.__version__; "
    code += "print([name for name in ('torch', 'ray', 'pandas', 'pyarrow', 'rich') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_a_script_needs_no_main_guard(poems: Path, tmp_path: Path) -> None:
    """Under Ray, whose workers are other processes."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sweep\n"
        f"space = sweep.Space(fixed={{'epochs': 1, 'data': {str(poems)!r}}}, axes={{'lora.rank': sweep.grid(1, 2)}})\n"
        "run = sweep.run(space, progress=False)\n"
        "print(run.leaderboard()['status'].to_list())\n"
    )
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "['COMPLETED', 'COMPLETED']\n", done.stderr
