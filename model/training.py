"""Fine-tuning: `train` yields one report per epoch of a `Training`.

Ray, tests and plain `for` loops all iterate over `train(config)`; a scheduler stops a run by closing the generator.
There is no global state: all random numbers come from generators derived from the seed, so several runs can alternate
in one process.
"""

import contextlib
import math
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.casting import DTYPES
from model.checkpoint import KEPT, Checkpoint, read_checkpoint, write_checkpoint
from model.config import DecodeConfig, TrainConfig
from model.errors import DivergedError
from model.gpt2 import GPT2
from model.gradients import Gradients
from model.hardware import arithmetic, default_device, deterministic
from model.methods.registry import METHODS
from model.optim.registry import OPTIMIZERS
from model.precision import check_precision, resolve
from model.pretrained.tokenizer import Tokenizer
from model.process_cache import cached_base, cached_task
from model.rng import generator
from model.tasks import Batch, Evaluation
from model.tasks.batching import padded
from model.training_loss import RunningLoss, TrainingLoss, cross_entropy

PROGRESS = ("epoch", "best_dev_loss", "best_epoch", "train_seconds", "train_tokens")  # attributes that checkpoints save


@dataclass(frozen=True, kw_only=True)
class EpochReport:
    """The result of one epoch. Losses are in nats per token; seconds and tokens count from the first epoch."""

    epoch: int
    train_loss: float | None  # mean over the epoch's tokens, with dropout; None for an untrained base
    dev_loss: float
    best_dev_loss: float  # lowest so far
    best_epoch: int  # the epoch with that loss
    train_seconds: float
    train_tokens: int
    early_stopped: bool  # the dev loss has not fallen for `patience` epochs, so training ends here
    training: "Training" = field(repr=False)

    @property
    def model(self) -> GPT2:
        """The model under training. The next epoch changes it in place."""
        return self.training.model

    @property
    def tokenizer(self) -> Tokenizer:
        return self.training.tokenizer

    def scalars(self) -> dict[str, Any]:
        """Return all fields except `training`, JSON-serializable."""
        return {name: value for name, value in vars(self).items() if name != "training"}


class Training:
    """Model, optimizer, data and progress of one training run."""

    def __init__(self, config: TrainConfig, device: torch.device | None = None, *, cuda_graphs: bool = True) -> None:
        """Load the base and the data. `device` defaults to the first GPU or the CPU. Raise BaseError or DataError.

        Without `cuda_graphs`, results are the same, but a GPU is slower.
        """
        self.device = device or default_device()
        self.config = config = replace(config, precision=resolve(config.precision, self.device.type))
        check_precision(config.precision, self.device.type)
        base = cached_base(config.base, config.revision)
        self.tokenizer = base.tokenizer
        self.task = cached_task(config.task, config.data, base, config.truncate, config.data_settings)
        frozen = config.peft_name is not None or config.freeze == "base"
        self.model = base.build(frozen=frozen, dropout=config.dropout, device=self.device)
        if config.peft_name is not None:
            METHODS[config.peft_name].apply(self.model, config.peft_values, config.seed)
        if self.task.classes is not None:  # after freezing, because the task's own head is always trained
            self.model.add_classifier(self.task.classes, generator(config.seed, "head"))
        self.model.compute_in(DTYPES.get(config.precision or ""))
        self.trainable = {n: p for n, p in self.model.named_parameters() if p.requires_grad}
        base.unshare(self.trainable.values())
        self.optimizer = OPTIMIZERS[config.optimizer].build(
            list(self.trainable.values()), config.lr, config.weight_decay or 0.0, config.optimizer_values
        )
        self.objective = TrainingLoss(self.model, self.trainable, config.smart, config.seed)
        self.has_few_shapes = self.device.type == "cuda" and _is_static(config)
        self.gradients = Gradients(
            self.objective, list(self.trainable.values()), cuda_graphs=cuda_graphs and self.has_few_shapes
        )
        self.epoch = 0
        self.best_dev_loss, self.best_epoch = math.inf, 0
        self.train_seconds, self.train_tokens = 0.0, 0

    @property
    def trainable_params(self) -> int:
        return sum(parameter.numel() for parameter in self.trainable.values())

    @property
    def total_params(self) -> int:
        return sum(parameter.numel() for parameter in self.model.parameters())

    @property
    def optimizer_state_bytes(self) -> int:
        """The size of the optimizer's tensors in bytes."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self._optimizer_tensors().values())

    @property
    def precond_fallbacks(self) -> int | None:
        """How often SOAP kept an old basis because refreshing it failed; None for other optimizers."""
        return getattr(self.optimizer, "fallbacks", None)

    @property
    def note(self) -> str | None:
        """A remark on the result so far: that some epoch updated nothing; else None."""
        updates = self.config.updates(self.task.size("train"), self.epoch)
        if updates >= self.epoch or not self.epoch:
            return None
        count = f"{updates} update{'s' if updates != 1 else ''} in {self.epoch} epoch{'s' if self.epoch != 1 else ''}"
        return f"{count}: {self.config.optimizer}'s first step only initializes"

    @property
    def early_stopped(self) -> bool:
        """Whether the dev loss has not fallen for `patience` epochs."""
        patience = self.config.patience
        return patience is not None and self.epoch - self.best_epoch >= patience

    def run_epoch(self, on_step: Callable[[], None] = lambda: None) -> EpochReport:
        """Train for one epoch in a new random order, calling `on_step` after each step. Raise DivergedError."""
        number, seed = self.epoch + 1, self.config.seed
        order = torch.randperm(self.task.size("train"), generator=generator(seed, "data", number)).tolist()
        self.objective.start_epoch(number)
        self.model.train()
        started, losses = time.perf_counter(), RunningLoss(number, self.device)
        with arithmetic(self.config.precision, self.device), deterministic(self.device):
            for batch in self.task.batches("train", order, self.config.batch_size):
                losses.add(*self._step(batch))
                on_step()
        mean = losses.mean()
        self.train_seconds += time.perf_counter() - started
        self.train_tokens += losses.targets
        self.epoch = number
        return self.report(mean)

    def report(self, train_loss: float | None) -> EpochReport:
        """Measure the dev loss and report the progress. Raise DivergedError if the loss is not finite."""
        dev_loss = self.dev_loss()
        if not math.isfinite(dev_loss):
            raise DivergedError(self.epoch, dev_loss, "dev")
        if dev_loss < self.best_dev_loss:
            self.best_dev_loss, self.best_epoch = dev_loss, self.epoch
        return EpochReport(
            epoch=self.epoch,
            train_loss=train_loss,
            dev_loss=dev_loss,
            best_dev_loss=self.best_dev_loss,
            best_epoch=self.best_epoch,
            train_seconds=self.train_seconds,
            train_tokens=self.train_tokens,
            early_stopped=self.early_stopped,
            training=self,
        )

    def _step(self, batch: Batch) -> tuple[Tensor, int]:
        """Take one optimizer step; return the batch's summed cross-entropy, (), and its number of targets."""
        if self.has_few_shapes:
            batch = padded(batch, self.model.config.n_positions)
        cross_entropy, targets = self.gradients(batch.to(self.device))
        self.optimizer.step()
        for parameter in self.trainable.values():  # some optimizers change their .data, which autograd does not count
            torch.autograd.graph.increment_version(parameter)
        self.objective.after_step()
        return cross_entropy, targets

    @torch.no_grad()
    def dev_loss(self) -> float:
        """Return the mean cross-entropy per target of the development split, in nats, without dropout."""
        self.model.eval()
        batches = self.task.batches("dev", range(self.task.size("dev")), self.config.batch_size)
        with arithmetic(self.config.precision, self.device):
            losses = [cross_entropy(self.model, batch.to(self.device)) for batch in batches]
        total = 0.0  # added in order: since Python 3.12, `sum` rounds otherwise
        for loss in torch.stack([loss for loss, _ in losses]).tolist():
            total += loss
        return total / sum(count for _, count in losses)

    def evaluate(self, decode: DecodeConfig | None, split: str = "dev") -> Evaluation:
        """Score the current model. This changes neither the weights nor the random numbers of later epochs."""
        with arithmetic(self.config.precision, self.device):
            return self.task.evaluate(self.model, split, decode, self.config.seed)

    @contextlib.contextmanager
    def weights_of(self, folder: Path) -> Iterator[None]:
        """Give the model the trained weights of a checkpoint, then its own again. Raise CheckpointError."""
        saved = read_checkpoint(folder).tensors["model"]
        own = {name: parameter.detach().clone() for name, parameter in self.trainable.items()}
        self._set_weights(saved)
        try:
            yield
        finally:
            self._set_weights(own)

    def load_weights(self, folder: Path) -> None:
        """Give the model the trained weights of a checkpoint, of any epoch. Raise CheckpointError."""
        self._set_weights(read_checkpoint(folder).tensors["model"])

    @torch.no_grad()
    def _set_weights(self, weights: Mapping[str, Tensor]) -> None:
        for name, parameter in self.trainable.items():
            parameter.copy_(weights[name])

    def save(
        self,
        parent: Path,
        notes: Any = None,
        *,
        resumable: bool = True,
        keep: int | None = KEPT,
        spare: Collection[int] = (),
    ) -> Path:
        """Write a checkpoint under `parent` that `load` resumes bit for bit; return its folder.

        It holds only the trained tensors (with LoRA, the adapters), the optimizer if `resumable`, and `notes`, which
        must be JSON-serializable. Then prune: keep the `keep` newest (None = all) and those of epochs in `spare`.
        """
        scalars = [
            {k: v for k, v in self.optimizer.state[p].items() if not isinstance(v, Tensor)}
            for p in self.trainable.values()
        ]
        progress = {name: getattr(self, name) for name in PROGRESS}
        state = {**progress, "optimizer": scalars, "notes": notes}
        weights = {name: parameter.detach().cpu() for name, parameter in self.trainable.items()}
        tensors = {"model": weights, "optimizer": self._optimizer_tensors() if resumable else {}}
        if resumable and self.objective.teacher is not None:
            tensors["teacher"] = self.objective.teacher.tensors
        return write_checkpoint(parent, self.epoch, Checkpoint(tensors, state), keep, spare)

    def load(self, folder: Path) -> Any:
        """Restore a checkpoint that was written with the same config; return its notes. Raise CheckpointError."""
        checkpoint = read_checkpoint(folder)
        state = checkpoint.state
        self._set_weights(checkpoint.tensors["model"])
        parameters = list(self.trainable.values())
        for parameter, scalars in zip(parameters, state["optimizer"], strict=True):
            self.optimizer.state[parameter] = dict(scalars)
        for key, tensor in checkpoint.tensors["optimizer"].items():
            index, _, name = key.partition(".")
            self.optimizer.state[parameters[int(index)]][name] = tensor.to(self.device)
        if self.objective.teacher is not None:
            self.objective.teacher.load(checkpoint.tensors.get("teacher", {}))
        for name in PROGRESS:
            setattr(self, name, state[name])
        return state["notes"]

    def _optimizer_tensors(self) -> dict[str, Tensor]:
        """Return the optimizer's tensors, keyed by "<index of the parameter>.<name>"."""
        return {
            f"{index}.{name}": value
            for index, parameter in enumerate(self.trainable.values())
            for name, value in self.optimizer.state[parameter].items()
            if isinstance(value, Tensor)
        }


def _is_static(config: TrainConfig) -> bool:
    """Return whether a GPU can replay training steps. With SMART it cannot: SMART rewinds the dropout generator."""
    return config.smart is None and (config.peft_name is None or METHODS[config.peft_name].is_static)


def train(
    config: TrainConfig,
    *,
    checkpoint: str | os.PathLike[str] | None = None,
    device: torch.device | None = None,
    on_step: Callable[[], None] = lambda: None,
    cuda_graphs: bool = True,
) -> Iterator[EpochReport]:
    """Fine-tune and yield one report per epoch. With `config.epochs` = 0, yield one report of the un-tuned base.

    `checkpoint` is a folder that `Training.save` wrote with the same config. Later epochs are then bit-for-bit equal to
    those of an uninterrupted run with the same CPU, library versions and number of threads. `on_step` is called after
    each optimizer step; see `Training` for `cuda_graphs`. Raise BaseError, DataError, CheckpointError, or
    SettingError if no step would update a weight, before the first epoch; DivergedError within one.
    """
    training = Training(config, device, cuda_graphs=cuda_graphs)
    config.check_updates(training.task.size("train"))
    if checkpoint is not None:
        training.load(Path(checkpoint))
    if config.epochs == 0:
        yield training.report(None)
    while training.epoch < config.epochs and not training.early_stopped:
        yield training.run_epoch(on_step)
