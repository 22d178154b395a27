"""Registry entries for optimizers, PEFT methods and tasks. Nothing here imports torch.

The registries are plain dicts, name -> spec: `OPTIMIZERS` in model/optim/registry.py, `METHODS` in
model/methods/registry.py, `TASKS` in model/task_specs.py. Extensions from outside this package are specs, too.
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
FLOAT_BYTES = 4  # size of a single-precision number


@dataclass(frozen=True, kw_only=True)
class OptimizerSpec:
    """An optimizer. The class of its settings declares their dotted prefix.

    build: (parameters, lr, weight_decay, settings) -> a `torch.optim.Optimizer`. Its `state` of a parameter must hold
        only tensors and JSON-serializable numbers, so that checkpoints can save it.
    state_bytes: (shapes of the trained tensors, settings) -> size of the optimizer state in bytes.
    weight_decay: the default, as the fraction of a weight removed per step and unit of lr.
    idle_steps: how many first steps only initialize the state, without an update of the parameters.
    """

    settings: type[Settings]
    build: Callable[[list["torch.Tensor"], float, float, Any], "torch.optim.Optimizer"]
    state_bytes: Callable[[Sequence[Shape], Any], int]
    weight_decay: float = 0.0
    idle_steps: int = 0


@dataclass(frozen=True, kw_only=True)
class PEFTSpec:
    """A parameter-efficient fine-tuning method. The class of its settings declares their dotted prefix.

    apply: (frozen model, settings, seed) -> None. Modify the model in place; trained tensors have `requires_grad`.
    merge: (model) -> None. Fold the trained tensors into the base weights, so that inference has no extra cost.
    trained_shapes: (settings, shape of the base) -> the shapes of the trained tensors.
    is_static: whether every training step launches the same kernels, so that a GPU can replay them: no branch and no
        Python number changes between steps, no value is read from the GPU (`.item()`), and random numbers come only
        from `Dropout`.
    """

    settings: type[Settings]
    apply: Callable[["GPT2", Any, int], Any]
    merge: Callable[["GPT2"], Any]
    trained_shapes: Callable[[Any, "GPT2Config"], Sequence[Shape]]
    is_static: bool = False


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """A task.

    load: (data, tokenizer, max_tokens) -> a `model.tasks.Task`. Default: `Task` of model/tasks/<name>.py.
    find: (data) -> a `model.tasks.Data`. Default: `find` of model/tasks/data/<name>.py.
    """

    metric: str  # the metric that ranks leaderboard rows; larger is better
    metrics: tuple[str, ...]  # all metrics that the task reports
    generates: bool = False  # whether it scores generated text, so that decoding settings matter
    repeats: bool = False  # whether `evaluate` scores all draws of decode.repeats, with `generate_draws`
    has_head: bool = False  # whether the task adds a classifier to the model
    cuts: bool = True  # whether it cuts texts that are longer than the base's positions
    answers: tuple[str, ...] = ()  # the word for each label; each must be a single token of the base's vocabulary
    sets: tuple[str, ...] = ()  # names of data sets, as alternatives to a path in `data`
    # What the task reads from columns that the settings `data.*` name; then `load` and `find` get these as `settings`.
    columns: tuple[str, ...] = ()
    load: Callable[..., Any] | None = None
    find: Callable[..., Any] | None = None
