"""What a registry says of an optimizer, a PEFT method or a task. Nothing here imports torch.

The registries are plain dicts, name -> spec: `OPTIMIZERS` in model/optim/registry.py, `METHODS` in
model/methods/registry.py, `TASKS` in model/task_specs.py. An extension from outside this package is a spec, too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from model.settings import Settings

if TYPE_CHECKING:
    import torch

    from model.gpt2 import GPT2
    from model.gpt2_config import GPT2Config

Shape = tuple[int, ...]
FLOAT_BYTES = 4  # of a single-precision number


@dataclass(frozen=True, kw_only=True)
class OptimizerSpec:
    """An optimizer. Its settings have the dotted prefix that their class declares.

    build: (parameters, lr, weight_decay, settings) -> a `torch.optim.Optimizer`. What its `state` holds of a parameter
        must be tensors and JSON-able numbers: checkpoints save them.
    state_bytes: (shapes of the trained tensors, settings) -> bytes that its state takes.
    weight_decay: fraction of a weight removed per step and unit of lr, if a training does not set it.
    """

    settings: type[Settings]
    build: Callable[[list["torch.Tensor"], float, float, Any], "torch.optim.Optimizer"]
    state_bytes: Callable[[Sequence[Shape], Any], int]
    weight_decay: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PEFTSpec:
    """A parameter-efficient fine-tuning method. Its settings have the dotted prefix that their class declares.

    apply: (frozen model, settings, seed) -> None. It marks what is trained with `requires_grad`, in place.
    merge: (model) -> None. It folds what was trained into the base's own tensors, so that inference costs nothing more.
    trained_shapes: (settings, shape of the base) -> the shapes of the tensors that are trained.
    """

    settings: type[Settings]
    apply: Callable[["GPT2", Any, int], Any]
    merge: Callable[["GPT2"], Any]
    trained_shapes: Callable[[Any, "GPT2Config"], Sequence[Shape]]


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """A task.

    load: (data, tokenizer, max_tokens) -> a `model.tasks.Task`; None: `Task` of model/tasks/<name>.py.
    find: (data) -> a `model.tasks.Data`; None: `find` of model/tasks/data/<name>.py.
    """

    metric: str  # rows are ranked by it; larger is better
    metrics: tuple[str, ...]  # every score it reports
    generates: bool = False  # whether it is scored on generated text, so that decoding matters
    has_head: bool = False  # whether it adds a classifier to the model
    answers: tuple[str, ...] = ()  # the words it predicts, by label; each must be one token of the base's vocabulary
    sets: tuple[str, ...] = ()  # values of `data` that are no path
    load: Callable[..., Any] | None = None
    find: Callable[[str | None], Any] | None = None
