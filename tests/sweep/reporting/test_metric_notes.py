"""Explanations of scores."""

from model.task_specs import TASKS
from sweep.reporting.leaderboard import SMALLER
from sweep.reporting.metric_notes import NOTES, metric_notes


def test_every_metric_is_explained() -> None:
    for task in TASKS.values():
        for metric in task.metrics:
            better = "lower" if metric in SMALLER else "higher"
            assert metric in NOTES
            assert f"{better} is better" in NOTES[metric]


def test_notes_are_in_order_and_once() -> None:
    notes = metric_notes(["dev_loss", "chrf", "dev_loss", "my_metric"])
    assert [note.partition(":")[0] for note in notes] == ["dev_loss", "chrf"]
