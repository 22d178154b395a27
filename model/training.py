"""Fine-tuning: a generator of epoch reports over one `Training`.

Ray, a test and a plain `for` loop consume `train(config)` alike; a scheduler stops a training by closing the generator.
There is no global state: every random number comes from a stream derived from the seed, so several trainings may take
turns in one process.
"""

import math
import os
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.checkpoint import KEPT, Checkpoint, read_checkpoint, write_checkpoint
from model.config import DecodeConfig, TrainConfig
from model.errors import DivergedError
from model.gpt2 import GPT2
from model.hardware import default_device
from model.methods.registry import METHODS
from model.optim.registry import OPTIMIZERS
from model.pretrained.tokenizer import Tokenizer
from model.process_cache import cached_base, cached_task
from model.rng import generator
from model.tasks import Batch, Evaluation
from model.training_loss import TrainingLoss, cross_entropy

PROGRESS = ("epoch", "best_dev_loss", "best_epoch", "train_seconds", "train_tokens")  # what a checkpoint continues


@dataclass(frozen=True, kw_only=True)
class EpochReport:
    """The result of one epoch. Losses are in nats per token; seconds and tokens count from the first epoch."""

    epoch: int
    train_loss: float | None  # mean over the epoch's tokens, with dropout; None for an untrained base
    dev_loss: float
    best_dev_loss: float  # lowest so far
    best_epoch: int  # the epoch it was seen at
    train_seconds: float
    train_tokens: int
    early_stopped: bool  # the dev loss has not fallen for `patience` epochs: no further epoch follows
    training: "Training" = field(repr=False)

    @property
    def model(self) -> GPT2:
        """The live model: it changes with the next epoch."""
        return self.training.model

    @property
    def tokenizer(self) -> Tokenizer:
        return self.training.tokenizer

    def scalars(self) -> dict[str, Any]:
        """Return the numbers of this report, JSON-able."""
        return {name: value for name, value in vars(self).items() if name != "training"}


class Training:
    """Model, optimizer, data and progress of one training."""

    def __init__(self, config: TrainConfig, device: torch.device | None = None) -> None:
        """Train on `device`, None for the first GPU or else the CPU. Raise BaseError or DataError."""
        self.config = config
        self.device = device or default_device()
        base = cached_base(config.base, config.revision)
        self.tokenizer = base.tokenizer
        self.task = cached_task(config.task, config.data, base)
        frozen = config.peft_name is not None or config.freeze == "base"
        self.model = base.build(frozen=frozen, dropout=config.dropout, device=self.device)
        if config.peft_name is not None:
            METHODS[config.peft_name].apply(self.model, config.peft_values, config.seed)
        if self.task.classes is not None:  # after freezing: a head of the task's own is always trained
            self.model.add_classifier(self.task.classes, generator(config.seed, "head"))
        self.trainable = {n: p for n, p in self.model.named_parameters() if p.requires_grad}
        base.unshare(self.trainable.values())
        self.optimizer = OPTIMIZERS[config.optimizer].build(
            list(self.trainable.values()), config.lr, config.weight_decay or 0.0, config.optimizer_values
        )
        self.objective = TrainingLoss(self.model, self.trainable, config.smart, config.seed)
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
        """The memory of the optimizer's tensors."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self._optimizer_tensors().values())

    @property
    def precond_fallbacks(self) -> int | None:
        """Times that SOAP kept a basis because it could not refresh it; None for other optimizers."""
        return getattr(self.optimizer, "fallbacks", None)

    @property
    def early_stopped(self) -> bool:
        """Whether `patience` says stop."""
        patience = self.config.patience
        return patience is not None and self.epoch - self.best_epoch >= patience

    def run_epoch(self, on_step: Callable[[], None] = lambda: None) -> EpochReport:
        """Pass over the training split in a new order, calling `on_step` after every step. Raise DivergedError."""
        number, seed = self.epoch + 1, self.config.seed
        order = torch.randperm(self.task.size("train"), generator=generator(seed, "data", number)).tolist()
        self.objective.start_epoch(number, self.device)
        self.model.train()
        started, total, tokens = time.perf_counter(), 0.0, 0
        for batch in self.task.batches("train", order, self.config.batch_size):
            loss, count = self._step(batch.to(self.device))
            if not math.isfinite(loss):
                raise DivergedError(number, loss, "train")
            total, tokens = total + loss * count, tokens + count
            on_step()
        self.train_seconds += time.perf_counter() - started
        self.train_tokens += tokens
        self.epoch = number
        return self.report(total / tokens)

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

    def _step(self, batch: Batch) -> tuple[float, int]:
        """Take one optimizer step; return the batch's mean cross-entropy and its number of targets."""
        loss = self.objective(batch)
        self.optimizer.zero_grad()
        loss.objective.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.objective.after_step()
        return loss.cross_entropy.item() / loss.targets, loss.targets

    @torch.no_grad()
    def dev_loss(self) -> float:
        """Return the mean cross-entropy per target of the development split, in nats, without dropout."""
        self.model.eval()
        total, tokens = 0.0, 0
        for batch in self.task.batches("dev", range(self.task.size("dev")), self.config.batch_size):
            loss, count = cross_entropy(self.model, batch.to(self.device))
            total, tokens = total + loss, tokens + count
        return total / tokens

    def evaluate(self, decode: DecodeConfig | None, split: str = "dev") -> Evaluation:
        """Score the model as it is now. Neither the weights nor the draws of later epochs change."""
        return self.task.evaluate(self.model, split, decode, self.config.seed)

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

        It holds the trained tensors only (with LoRA, the adapters), the optimizer if `resumable`, and `notes`
        (JSON-able). Then prune older checkpoints: keep the newest, `keep` in all (None = all), and the epochs `spare`.
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
        """Continue from a checkpoint made with the same config; return its notes. Raise CheckpointError."""
        checkpoint = read_checkpoint(folder)
        state = checkpoint.state
        with torch.no_grad():
            for (name, parameter), scalars in zip(self.trainable.items(), state["optimizer"], strict=True):
                parameter.copy_(checkpoint.tensors["model"][name])
                self.optimizer.state[parameter] = dict(scalars)
        parameters = list(self.trainable.values())
        for key, tensor in checkpoint.tensors["optimizer"].items():
            index, _, name = key.partition(".")
            self.optimizer.state[parameters[int(index)]][name] = tensor.to(self.device)
        if self.objective.teacher is not None:
            self.objective.teacher.load(checkpoint.tensors.get("teacher", {}))
        for name in PROGRESS:
            setattr(self, name, state[name])
        return state["notes"]

    def _optimizer_tensors(self) -> dict[str, Tensor]:
        """Return the optimizer's tensors by "<index of the parameter>.<name>"."""
        return {
            f"{index}.{name}": value
            for index, parameter in enumerate(self.trainable.values())
            for name, value in self.optimizer.state[parameter].items()
            if isinstance(value, Tensor)
        }


def train(
    config: TrainConfig,
    *,
    checkpoint: str | os.PathLike[str] | None = None,
    device: torch.device | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> Iterator[EpochReport]:
    """Fine-tune and yield one report per epoch; with `config.epochs` = 0, one report of the base as it is.

    `checkpoint`: a folder that `Training.save` wrote with the same config. The epochs after it are bit for bit those of
    an uninterrupted training on the same CPU, versions and number of threads. `on_step` is called after every optimizer
    step. Raise BaseError, DataError or CheckpointError before the first epoch, DivergedError within one.
    """
    training = Training(config, device)
    if checkpoint is not None:
        training.load(Path(checkpoint))
    if config.epochs == 0:
        yield training.report(None)
    while training.epoch < config.epochs and not training.early_stopped:
        yield training.run_epoch(on_step)
