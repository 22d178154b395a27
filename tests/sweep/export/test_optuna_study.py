"""A run as an Optuna study: read back by Optuna, its trials are the ledger's; optuna-dashboard shows them."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from sweep.errors import RunError, UsageError
from sweep.execution.job import Job
from sweep.export.optuna_study import write_study
from sweep.planning.config import TuneConfig
from sweep.prepare import RunRequest, prepare
from sweep.reporting.leaderboard import rows
from sweep.reporting.verdicts.effects import effects
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state
from sweep.store.status import Status
from sweep.testing import drive
from tests.sweep.curves import crossing, trains

SEARCHED = '''"""A search."""

from sweep import Space, choice, loguniform, quniform, randint

space = Space(
    fixed={{"epochs": 3, "batch_size": 2, "data": {data!r}}},
    axes={{
        "lr": loguniform(1e-4, 1e-1),
        "lora.rank": randint(1, 9),
        "lora.dropout": quniform(0.0, 0.5, 0.1),
        "optimizer": choice("adamw", "soap"),
    }},
)
'''


def curve(job: Job, epoch: int) -> float | None:
    """A dev loss that the learning rate decides in part; some diverge."""
    rate = float(dict(job.points[0][1])["lr"])
    return None if rate > 0.07 else crossing(job, epoch) + 20 * abs(rate - 0.01)


def search(tmp_path: Path, poems: Path, out: Path, scheduler: str) -> RunFolder:
    """A TPE search of 40 points, ranked by dev loss."""
    path = tmp_path / "searched.py"
    path.write_text(SEARCHED.format(data=str(poems)))
    config = TuneConfig(search="tpe", num_samples=40, scheduler=scheduler)
    folder = prepare(RunRequest(space=str(path), out=out, metric="dev_loss", tune_config=config)).open_or_create()
    drive(folder, trains(curve))
    return folder


@pytest.fixture
def searched(tmp_path: Path, poems: Path, out: Path) -> RunFolder:
    """A search with early stopping."""
    return search(tmp_path, poems, out, "asha")


@pytest.fixture
def closing() -> Iterator[Callable[[Path, str], optuna.Study]]:
    """Load studies; their connections are closed at the end."""
    loaded = []

    def load(path: Path, name: str) -> optuna.Study:
        loaded.append(optuna.load_study(study_name=name, storage=f"sqlite:///{path}"))
        return loaded[-1]

    yield load
    for study in loaded:
        study._storage._backend.engine.dispose()


Load = Callable[[Path, str], optuna.Study]


def test_trials_are_those_of_the_ledger(searched: RunFolder, tmp_path: Path, closing: Load) -> None:
    state = load_state(searched)
    expected = {row["point_id"]: row for row in rows(searched, state)}
    assert write_study(searched, tmp_path / "study.db") == f"study 'searched' with {len(expected)} trials"
    study = closing(tmp_path / "study.db", "searched")
    assert study.direction.name == "MINIMIZE"
    assert study._storage.get_study_system_attrs(study._study_id)["study:metric_names"] == ["dev_loss"]
    assert study.user_attrs["settings"]["batch_size"] == 2
    states = {"COMPLETED": "COMPLETE", "STOPPED": "PRUNED", "DIVERGED": "FAIL"}
    assert {row["status"] for row in expected.values()} == {Status(name) for name in states}
    assert {trial.user_attrs["point_id"] for trial in study.trials} == set(expected)
    for trial in study.trials:
        row = expected[trial.user_attrs["point_id"]]
        assert trial.state.name == states[row["status"]]
        if trial.state == TrialState.COMPLETE:
            assert trial.value == row["dev_loss"]
        assert trial.params == {key: row[key] for key in ("lr", "lora.rank", "lora.dropout", "optimizer")}
        epochs = state.trial(row["trial_id"]).epochs
        assert trial.intermediate_values == {number: epoch.losses.dev_loss for number, epoch in epochs.items()}
        assert trial.datetime_start.astimezone() == row["started_at"]
        assert trial.datetime_complete.astimezone() == row["ended_at"]
        assert trial.user_attrs["seed"] == row["seed"]
        assert trial.user_attrs.get("chrf") == row.get("chrf")
    assert [trial.datetime_complete for trial in study.trials] == sorted(t.datetime_complete for t in study.trials)
    assert study.best_trial.user_attrs["point_id"] == rows(searched, state)[0]["point_id"]
    distributions = study.trials[0].distributions
    assert distributions == {
        "lr": FloatDistribution(1e-4, 1e-1, log=True),
        "lora.rank": IntDistribution(1, 8),
        "lora.dropout": FloatDistribution(0.0, 0.5, step=0.1),
        "optimizer": CategoricalDistribution(distributions["optimizer"].choices),
    }
    assert set(distributions["optimizer"].choices) == {"adamw", "soap"}


def test_importances_equal_ours(tmp_path: Path, poems: Path, out: Path, closing: Load) -> None:
    searched = search(tmp_path, poems, out, "fifo")
    ranked = rows(searched, load_state(searched))
    found = effects(ranked, "dev_loss", search="tpe", space=searched.spec.search_space)
    write_study(searched, tmp_path / "study.db")
    study = closing(tmp_path / "study.db", "searched")
    complete = len(study.get_trials(states=(TrialState.COMPLETE,)))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=max(0.1, 5.5 / complete))
    theirs = optuna.importance.get_param_importances(study, evaluator=evaluator)
    assert found.drawn is not None, found.drawn_refused
    assert {one.axis: one.share for one in found.drawn.axes} == pytest.approx(theirs, abs=1e-9)


def test_a_grid_has_the_ranges_that_it_spans(finished: Path, tmp_path: Path, closing: Load) -> None:
    write_study(RunFolder(finished), tmp_path / "new" / "study.db")
    study = closing(tmp_path / "new" / "study.db", "micro")
    assert study.direction.name == "MAXIMIZE"
    assert study.trials[0].distributions == {
        "lora.rank": IntDistribution(1, 2),
        "lora.dropout": FloatDistribution(0.0, 0.5),
    }
    assert study.best_value == rows(RunFolder(finished), load_state(RunFolder(finished)))[0]["chrf"]


def test_a_file_takes_several_runs_but_none_twice(
    finished: Path, searched: RunFolder, tmp_path: Path, closing: Load
) -> None:
    path = tmp_path / "study.db"
    write_study(RunFolder(finished), path)
    write_study(searched, path)
    assert len(closing(path, "searched").trials) > len(closing(path, "micro").trials) == 4
    with pytest.raises(UsageError, match=r"study.db already holds a study named 'micro'; name another file"):
        write_study(RunFolder(finished), path)
    other = tmp_path / "notes.txt"
    other.write_text("mine")
    with pytest.raises(UsageError, match=r"notes.txt is not a storage that Optuna"):
        write_study(RunFolder(finished), other)
    assert other.read_text() == "mine"


def test_a_run_without_results_is_refused(micro: Path, out: Path, tmp_path: Path) -> None:
    folder = prepare(RunRequest(space=str(micro), out=out)).open_or_create()
    with pytest.raises(RunError, match="has no finished point yet: continue it with `sweep resume micro"):
        write_study(folder, tmp_path / "study.db")
    assert not (tmp_path / "study.db").exists()


def test_the_command(finished: Path, sweep: Callable[..., Any], tmp_path: Path) -> None:
    done = sweep("export", finished, "--to", tmp_path / "study.db", "--format", "optuna")
    assert (done.exit_code, "study 'micro' with 4 trials" in done.output) == (0, True)
    refused = sweep("export", finished, "abc", "--to", tmp_path / "other.db", "--format", "optuna")
    assert (refused.exit_code, "leave out POINT and --push" in refused.output) == (2, True)


@pytest.mark.slow
def test_optuna_dashboard_shows_the_points(searched: RunFolder, tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    write_study(searched, path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(sys.executable).parent / "optuna-dashboard", f"sqlite:///{path}"]
    server = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        (study,) = asked(f"http://127.0.0.1:{port}/api/studies")["study_summaries"]
        assert study["study_name"] == "searched"
        shown = asked(f"http://127.0.0.1:{port}/api/studies/{study['study_id']}?after=0")["trials"]
        expected = rows(searched, load_state(searched))
        ids = {attr["value"].strip('"') for one in shown for attr in one["user_attrs"] if attr["key"] == "point_id"}
        assert ids == {row["point_id"] for row in expected}
        values = sorted(one["values"][0] for one in shown if one["state"] == "Complete")
        assert values == sorted(row["dev_loss"] for row in expected if row["status"] == Status.COMPLETED)
    finally:
        server.terminate()
        server.wait()


def asked(url: str) -> Any:
    """The JSON at a URL of a server that is just starting."""
    for _ in range(150):
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"no answer from {url}")
