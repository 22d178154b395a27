"""Epochs and seconds until a target dev loss, computed from the ledger."""

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from sweep.reporting.time_to_target import with_reach
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, TrialState, load_state
from tests.sweep.made_up import epoch_record


def test_the_first_epoch_that_is_good_enough_counts() -> None:
    losses = {1: 5.0, 2: 4.5, 3: 4.7, 4: 4.0}
    epochs = {n: epoch_record(n, loss) for n, loss in losses.items()}
    state = RunState(trials={"a": TrialState(epochs=dict(epochs))})
    rows = [{"trial_id": "a", "epochs_budget": 4}, {"trial_id": "cached", "epochs_budget": 4}]
    for loss, expected in ((4.7, (2, 2.0)), (4.4, (4, 4.0)), (3.0, (None, None))):
        one, other = with_reach(rows, state, loss)
        assert (one["epochs_to_reach"], one["seconds_to_reach"]) == expected
        assert (other["epochs_to_reach"], other["seconds_to_reach"]) == (None, None)


def test_a_milestone_is_not_credited_with_later_epochs() -> None:
    epochs = {n: epoch_record(n, 6.0 - n) for n in (1, 2)}
    state = RunState(trials={"a": TrialState(epochs=dict(epochs))})
    one, two = with_reach([{"trial_id": "a", "epochs_budget": n} for n in (1, 2)], state, 4.0)
    assert (one["epochs_to_reach"], two["epochs_to_reach"]) == (None, 2)


def test_the_report_shows_it_when_asked(sweep: Callable[..., Result], finished: Path) -> None:
    state = load_state(RunFolder(finished))
    worst = max(epoch.losses.dev_loss for trial in state.trials.values() for epoch in trial.epochs.values())
    shown = sweep("report", "--format", "md", "--target-loss", worst).stdout
    assert "| epochs_to_reach | seconds_to_reach |" in shown
    assert "epochs_to_reach" not in sweep("report", "--format", "md").stdout
    for row in json.loads(
        sweep("report", "--format", "json", "--target-loss", worst, "--sort", "seconds_to_reach").stdout
    ):
        assert row["epochs_to_reach"] == 1
    assert "epochs_to_reach" in sweep("report", "--format", "csv", "--target-loss", worst).stdout.splitlines()[0]
