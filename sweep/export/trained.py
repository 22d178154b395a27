"""A trained model of a run: the weights that a point was scored with, and where they come from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from model.config import DecodeConfig, TrainConfig
from model.errors import DataError
from model.gpt2 import GPT2
from model.pretrained.tokenizer import Tokenizer
from model.tasks.data.completion import given
from model.training import Training
from sweep.errors import RunError
from sweep.planning.extensions import import_recorded
from sweep.planning.plan import Point
from sweep.reporting.leaderboard import Row, load_rows
from sweep.store.locate import find_checkpoint
from sweep.store.run_folder import RunFolder
from sweep.store.state import full_plan, known_provenance, load_state


@dataclass(frozen=True)
class TrainedModel:
    """A point of a run with its trained model, in evaluation mode."""

    folder: RunFolder
    point: Point
    training: Training

    @property
    def model(self) -> GPT2:
        return self.training.model

    @property
    def tokenizer(self) -> Tokenizer:
        return self.training.tokenizer

    @property
    def train(self) -> TrainConfig:
        return self.point.train

    @property
    def decode(self) -> DecodeConfig | None:
        return self.point.decode

    @property
    def labels(self) -> list[str]:
        """The names of the classes of its head, in order; empty if it predicts tokens."""
        classes = self.training.task.classes
        names = getattr(self.training.task, "class_names", None) or [f"LABEL_{i}" for i in range(classes or 0)]
        return list(names) if classes is not None else []

    def as_prompt(self, text: str) -> str:
        """Return a prompt as the model was trained to see it: for the task completion, with its line break.

        Raise DataError if it leaves no room for another token.
        """
        prompt, positions = given(text, "") if self.train.task == "completion" else text, self.model.config.n_positions
        if (length := len(self.tokenizer.encode(prompt))) >= positions:
            raise DataError(
                f"a prompt of {length} tokens leaves no room in the {positions} positions of the model; shorten it"
            )
        return prompt


def best_row(folder: RunFolder, rows: Sequence[Row]) -> Row:
    """Return the first of the leaderboard's `rows`. Raise RunError if no point is finished."""
    if not rows or rows[0].get("rank") != 1:
        raise RunError(f"run {folder.name!r} has no finished point yet: continue it with `sweep resume {folder.name}`")
    return rows[0]


def find_point(folder: RunFolder, point_id: str | None) -> Point:
    """Return the point with an id that starts with `point_id`, or the best point. Raise RunError if there is none."""
    wanted = str(best_row(folder, load_rows(folder))["point_id"]) if point_id is None else point_id
    plan = full_plan(folder.spec, load_state(folder))
    found = [point for point in (*plan.points, *plan.baselines) if point.point_id.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        raise RunError(
            f"point {wanted!r} of run {folder.name!r} is ambiguous: {len(found)} ids start with it; give more of it"
        )
    raise RunError(f"run {folder.name!r} has no point {wanted!r}: `sweep report {folder.name} --rows` lists their ids")


def load_trained(folder: RunFolder, point_id: str | None = None) -> TrainedModel:
    """Return the trained model of a point, by default of the best one, on the CPU and in fp32.

    Raise RunError if its checkpoint was not kept, ExtensionError if the run uses an extension that cannot be imported
    as it was.
    """
    import_recorded(folder.spec.provenance.extensions)
    point = find_point(folder, point_id)
    config = known_provenance(folder.spec, load_state(folder)).located(point)
    training = Training(replace(config, precision=None), torch.device("cpu"))
    if point.epochs:
        training.load_weights(find_checkpoint(folder, point))
    training.model.eval()
    return TrainedModel(folder, point, training)
