"""Fine-tuning: a generator of epoch reports over one `Training`.

`train(config)` knows nothing of who consumes it. A scheduler stops a training by closing the generator; Ray, a test
and a plain `for` loop use it alike. It owns no global state: every random number comes from a stream derived from
the seed, so several trainings may take turns in one process.
"""

import math
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
from model.methods.lora import apply_lora
from model.optim.adamw import AdamW
from model.optim.soap import SOAP
from model.pretrained.tokenizer import Tokenizer
from model.process_cache import cached_base, cached_task
from model.rng import generator
from model.tasks import Batch, Evaluation
from model.training_loss import TrainingLoss, cross_entropy

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {"adamw": AdamW, "soap": SOAP}


@dataclass(frozen=True, kw_only=True)
class EpochReport:
    """What one epoch led to. Losses are nats per token; seconds and tokens count from the first epoch."""

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
        """The live model: it changes as the generator goes on."""
        return self.training.model

    @property
    def tokenizer(self) -> Tokenizer:
        return self.training.tokenizer

    def scalars(self) -> dict[str, Any]:
        """The numbers of this report, JSON-able."""
        return {name: value for name, value in vars(self).items() if name != "training"}


class Training:
    """Model, optimizer and data of one training, and how far it got."""

    def __init__(self, config: TrainConfig, device: torch.device | None = None) -> None:
        """Raises BaseError or DataError where the base or the data cannot be had."""
        self.config = config
        self.device = device or default_device()
        base = cached_base(config.base, config.revision)
        self.tokenizer = base.tokenizer
        self.task = cached_task(config.task, config.data, base)
        frozen = config.lora is not None or config.freeze == "base"
        self.model = base.build(frozen=frozen, dropout=config.dropout, device=self.device)
        if config.lora is not None:
            lora = config.lora
            apply_lora(self.model, rank=lora.rank, scale=lora.scale, dropout=lora.dropout, seed=config.seed)
        if self.task.classes is not None:  # behind the freezing: a task's own head is always trained
            self.model.add_classifier(self.task.classes, generator(config.seed, "head"))
        self.trainable = {n: p for n, p in self.model.named_parameters() if p.requires_grad}
        self.optimizer = OPTIMIZERS[config.optimizer](
            self.trainable.values(), lr=config.lr, weight_decay=config.weight_decay
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
        """Memory of the optimizer's tensors."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self._optimizer_tensors().values())

    @property
    def precond_fallbacks(self) -> int | None:
        """Times that SOAP could not turn a basis and kept the one before; None for other optimizers."""
        return self.optimizer.fallbacks if isinstance(self.optimizer, SOAP) else None

    @property
    def early_stopped(self) -> bool:
        """Whether `patience` says stop."""
        patience = self.config.patience
        return patience is not None and self.epoch - self.best_epoch >= patience

    def run_epoch(self, on_step: Callable[[], None] = lambda: None) -> EpochReport:
        """One pass over the training split in an order of its own; `on_step` after every step. Raises DivergedError."""
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
        """Measure the dev loss and say where the training stands. Raises DivergedError."""
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
        """One optimizer step; the batch's mean cross-entropy and number of targets."""
        loss = self.objective(batch)
        self.optimizer.zero_grad()
        loss.objective.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.objective.after_step()
        return loss.cross_entropy.item() / loss.targets, loss.targets

    @torch.no_grad()
    def dev_loss(self) -> float:
        """Mean cross-entropy per target of the development split, without dropout."""
        self.model.eval()
        total, tokens = 0.0, 0
        for batch in self.task.batches("dev", range(self.task.size("dev")), self.config.batch_size):
            loss, count = cross_entropy(self.model, batch.to(self.device))
            total, tokens = total + loss, tokens + count
        return total / tokens

    def evaluate(self, decode: DecodeConfig | None, split: str = "dev") -> Evaluation:
        """Score the model as it is now; never changes weights, nor what later epochs draw."""
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
        """Write a checkpoint under `parent` from which `load` goes on bit for bit; `notes` (JSON-able) ride along.

        Only trained tensors are kept: with LoRA, the adapters. One that is not `resumable` leaves out the optimizer:
        what remains of a finished training. Of the checkpoints before it the newest stay, `keep` in all (None: every
        one), and those of the epochs `spare`.
        """
        scalars = [
            {k: v for k, v in self.optimizer.state[p].items() if not isinstance(v, Tensor)}
            for p in self.trainable.values()
        ]
        state = {
            "epoch": self.epoch,
            "best_dev_loss": self.best_dev_loss,
            "best_epoch": self.best_epoch,
            "train_seconds": self.train_seconds,
            "train_tokens": self.train_tokens,
            "optimizer": scalars,
            "notes": notes,
        }
        weights = {name: parameter.detach().cpu() for name, parameter in self.trainable.items()}
        tensors = {"model": weights, "optimizer": self._optimizer_tensors() if resumable else {}}
        if resumable and self.objective.teacher is not None:
            tensors["teacher"] = self.objective.teacher.tensors
        return write_checkpoint(parent, self.epoch, Checkpoint(tensors, state), keep, spare)

    def load(self, folder: Path) -> Any:
        """Take up the checkpoint in `folder`, made under the same config; return its notes. Raises CheckpointError."""
        checkpoint = read_checkpoint(folder)
        state = checkpoint.state
        with torch.no_grad():
            for index, (name, parameter) in enumerate(self.trainable.items()):
                parameter.copy_(checkpoint.tensors["model"][name])
                prefix = f"{index}."
                self.optimizer.state[parameter] = {
                    **state["optimizer"][index],
                    **{
                        key.removeprefix(prefix): tensor.to(self.device)
                        for key, tensor in checkpoint.tensors["optimizer"].items()
                        if key.startswith(prefix)
                    },
                }
        if self.objective.teacher is not None:
            self.objective.teacher.load(checkpoint.tensors.get("teacher", {}))
        self.epoch, self.best_epoch = state["epoch"], state["best_epoch"]
        self.best_dev_loss = state["best_dev_loss"]
        self.train_seconds, self.train_tokens = state["train_seconds"], state["train_tokens"]
        return state["notes"]

    def _optimizer_tensors(self) -> dict[str, Tensor]:
        """The optimizer's tensors by "<index of the parameter>.<name>"."""
        return {
            f"{index}.{name}": value
            for index, parameter in enumerate(self.trainable.values())
            for name, value in self.optimizer.state[parameter].items()
            if isinstance(value, Tensor)
        }


def train(
    config: TrainConfig,
    *,
    checkpoint: Path | None = None,
    device: torch.device | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> Iterator[EpochReport]:
    """Fine-tune, one report per epoch; with `config.epochs` = 0 a single report of the base as it is.

    `checkpoint`: a folder that `Training.save` made under the same config; the epochs after it follow, bit for bit
    those of an uninterrupted training on the same CPU, versions and number of threads. `on_step` is called after every
    optimizer step. Raises BaseError, DataError, CheckpointError before the first epoch, DivergedError within one.
    """
    training = Training(config, device)
    if checkpoint is not None:
        training.load(checkpoint)
    if config.epochs == 0:
        yield training.report(None)
    while training.epoch < config.epochs and not training.early_stopped:
        yield training.run_epoch(on_step)
