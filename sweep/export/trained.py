"""A trained model of a run: the weights that a point was scored with, and where they come from."""

from dataclasses import dataclass, replace

import torch

from model.config import DecodeConfig, TrainConfig
from model.errors import DataError
from model.gpt2 import GPT2
from model.pretrained.tokenizer import Tokenizer
from model.tasks.data.completion import given
from model.training import Training
from sweep.planning.extensions import import_recorded
from sweep.planning.plan import Point
from sweep.reporting.points import find_point
from sweep.store.locate import find_checkpoint
from sweep.store.run_folder import RunFolder
from sweep.store.state import known_provenance, load_state


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


def load_trained(folder: RunFolder, point_id: str | None = None) -> TrainedModel:
    """Return the trained model of a point, by default of the best one, on the CPU and in fp32.

    Raise RunError if its checkpoint was not kept, ExtensionError if the run uses an extension that cannot be imported
    as it was.
    """
    import_recorded(folder.spec.provenance.extensions)
    state = load_state(folder)
    point = find_point(folder, point_id, state)
    config = known_provenance(folder.spec, state).located(point)
    training = Training(replace(config, precision=None), torch.device("cpu"))
    if point.epochs:
        training.load_weights(find_checkpoint(folder, point))
    training.model.eval()
    return TrainedModel(folder, point, training)
