"""Spaces made of Optuna studies."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from sweep.errors import UsageError
from sweep.export.optuna_space import import_study
from sweep.export.sqlite import storage
from sweep.planning.axes import Choice, Range
from sweep.planning.config import TuneConfig
from sweep.planning.registry import load_space
from sweep.prepare import RunRequest, prepare
from sweep.store.state import load_state
from sweep.testing import drive

DISTRIBUTIONS = {
    "learning_rate": FloatDistribution(1e-5, 1e-2, log=True),
    "lora.rank": IntDistribution(2, 16, step=2),
    "lora.dropout": FloatDistribution(0.05, 0.25, step=0.1),
    "weight_decay": FloatDistribution(0.0, 0.1),
    "batch_size": IntDistribution(1, 4, log=True),
    "lora.scale": FloatDistribution(2.0, 2.0),
    "optimizer": CategoricalDistribution(["adamw", "soap"]),
    "epochs": IntDistribution(1, 9),
    "warmup": FloatDistribution(0.0, 1.0),
}


def theirs(path: Path, name: str = "theirs", direction: str = "maximize") -> None:
    """A study of three trials; the second is the best of `maximize`."""
    with storage(path, new=not path.exists()) as opened:
        study = optuna.create_study(storage=opened, study_name=name, direction=direction)
        for value, rate in ((1.0, 1e-4), (3.0, 1e-3), (2.0, 1e-2)):
            params = {"learning_rate": rate, "lora.rank": 4, "lora.dropout": 0.15, "weight_decay": 0.0}
            params |= {"batch_size": 2, "lora.scale": 2.0, "optimizer": "adamw", "epochs": 3, "warmup": 0.5}
            study.add_trial(optuna.trial.create_trial(params=params, distributions=DISTRIBUTIONS, value=value))


def test_distributions_become_axes(tmp_path: Path) -> None:
    theirs(tmp_path / "study.db")
    found = import_study(tmp_path / "study.db", None, "sonnets", {"learning_rate": "lr"}, 2)
    assert found.space.axes == {
        "lr": Range("loguniform", 1e-5, 1e-2),
        "lora.rank": Range("quniform", 2, 16, 2),
        "lora.dropout": Choice((0.05, 0.15, 0.25)),
        "weight_decay": Range("uniform", 0.0, 0.1),
        "batch_size": Range("randint", 1, 5),
        "optimizer": Choice(("adamw", "soap")),
    }
    assert found.space.fixed == {"lora.scale": 2.0}
    assert [point["lr"] for point in found.space.points_to_evaluate] == [1e-3, 1e-2]
    assert found.remarks == (
        "left out epochs: set it with --set epochs=N",
        "left out warmup: no setting has this name; write --map warmup=SETTING",
        "batch_size: its logarithmic scale is lost: all whole numbers from 1 to 4 are equally likely",
    )


def test_a_search_starts_with_their_best_trials(tmp_path: Path, poems: Path, out: Path) -> None:
    theirs(tmp_path / "study.db", direction="minimize")
    found = import_study(tmp_path / "study.db", None, "sonnets", {"learning_rate": "lr"}, 5)
    path = tmp_path / "space.py"
    path.write_text(found.source)
    assert load_space(str(path)).space == found.space
    config = TuneConfig(search="tpe", num_samples=4)
    settings = (f"data={poems}", "epochs=1")
    folder = prepare(RunRequest(space=str(path), out=out, settings=settings, tune_config=config)).open_or_create()
    drive(folder)
    assert [event.params["lr"] for event in load_state(folder).suggestions][:3] == [1e-4, 1e-2, 1e-3]


def test_wrong_names_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    theirs(path)
    for names, message in (
        ({"rate": "lr"}, "the study has no parameter 'rate'"),
        ({"learning_rate": "lora.rnk"}, "there is no setting 'lora.rnk': did you mean 'lora.rank'"),
    ):
        with pytest.raises(UsageError, match=message):
            import_study(path, None, "sonnets", names, 5)
    theirs(path, "second")
    with pytest.raises(UsageError, match=r"study.db: choose one with --study. Known: theirs, second"):
        import_study(path, None, "sonnets", {}, 5)
    with pytest.raises(UsageError, match=r"study.db: has no study 'third'"):
        import_study(path, "third", "sonnets", {}, 5)
    with pytest.raises(UsageError, match=r"none.db: no such file"):
        import_study(tmp_path / "none.db", None, "sonnets", {}, 5)


def test_the_command(tmp_path: Path, sweep: Callable[..., Any]) -> None:
    theirs(tmp_path / "study.db")
    to = tmp_path / "mine.py"
    arguments = ("import", "optuna", tmp_path / "study.db", "--to", to)
    done = sweep(*arguments, "--map", "learning_rate=lr", "--first", 1)
    assert done.exit_code == 0, done.output
    assert "6 axes and 1 points to start with, from the study 'theirs'" in done.output
    again = sweep(*arguments)
    assert (again.exit_code, "exists already; name another file" in again.output) == (2, True)
    wrong = sweep("import", "optuna", tmp_path / "study.db", "--to", tmp_path / "new.py", "--map", "lr")
    assert (wrong.exit_code, "write THEIRS=OURS" in wrong.output) == (2, True)


def test_a_space_that_needs_more_says_so(tmp_path: Path) -> None:
    with storage(tmp_path / "study.db", new=True) as opened:
        study = optuna.create_study(storage=opened, study_name="theirs")
        distributions = {"lora.dropout": FloatDistribution(0.0, 0.5)}
        study.add_trial(optuna.trial.create_trial(params={"lora.dropout": 0.1}, distributions=distributions, value=1.0))
    (remark,) = import_study(tmp_path / "study.db", None, "sonnets", {}, 5).remarks
    assert remark.startswith("edit the space before running it: ")
    assert "lora.rank" in remark
