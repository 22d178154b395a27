"""The training loss: cross-entropy plus the optional SMART terms."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from model.dropout import same_masks, set_dropout_stream
from model.errors import DivergedError
from model.gpt2 import GPT2
from model.loss import linear_cross_entropy
from model.methods.bregman import Teacher
from model.methods.settings import SMARTConfig
from model.methods.smart import Predict, reduce, smart_loss, symmetrized_kl
from model.rng import derive_seed
from model.tasks import Batch

READ_EVERY = 16  # steps between two looks at the losses of a GPU


@dataclass(frozen=True)
class Loss:
    """The loss of one batch. Padding has no target, so it is excluded before the output head."""

    objective: Tensor  # the value to differentiate, ()
    cross_entropy: Tensor  # summed over the targets, in nats, ()
    targets: int  # positions that have a target


class TrainingLoss:
    """Computes the training loss of a model. Between steps it keeps the teacher and the random generators."""

    def __init__(self, model: GPT2, trained: Mapping[str, Tensor], smart: SMARTConfig | None, seed: int) -> None:
        """`trained` holds the trained parameters by name. Dropout and noise are derived from `seed`."""
        self.model = model
        self.smart = smart
        self.seed = seed
        self.teacher = Teacher(trained, smart.bregman_beta or 0.0) if smart and smart.bregman_mu else None
        device = model.head_weight.device
        self.dropout, self.noise = torch.Generator(device), torch.Generator(device)

    def start_epoch(self, number: int) -> None:
        """Seed dropout and noise for epoch `number`. Call it before the epoch's first batch."""
        self.dropout.manual_seed(derive_seed(self.seed, "dropout", number))
        self.noise.manual_seed(derive_seed(self.seed, "smart", number))
        set_dropout_stream(self.model, self.dropout)

    def __call__(self, batch: Batch) -> Loss:
        """Return the loss of a batch. With SMART, the batch must not be padded by `model.tasks.batching.padded`."""
        positions = batch.positions  # (N,)
        predict: Predict = lambda x: _targeted(self.model.hidden(inputs_embeds=x), positions)  # noqa: E731
        if self.smart is not None:  # all calls use equal dropout masks, so that divergences do not measure the dropout
            predict = same_masks(predict, self.dropout)
        anchor = self._anchor(predict, batch)  # (N, C), (V, C); computed before autograd records anything
        embeddings = self.model.embed(batch.input_ids)  # (B, T, C)
        hidden, head = predict(embeddings), self.model.head_weight  # (N, C), (V, C)
        p = None if self.smart is None else hidden.new_empty(len(hidden), len(head), dtype=torch.float32)
        targets, counted = _targeted(batch.targets, positions), batch.counted
        total = linear_cross_entropy(hidden, head, targets, p, self.model.dtype, counted)
        objective = total / (len(hidden) if counted is None else counted.sum())
        if self.smart is not None and self.smart.lam:
            smoothness = smart_loss(predict, embeddings, hidden, head, self.smart, self.noise, p)
            objective = objective + self.smart.lam * smoothness
        if self.smart is not None and anchor is not None:
            apart = reduce(symmetrized_kl(hidden, head, *anchor, p), self.smart, len(embeddings), len(hidden))
            objective = objective + self.smart.bregman_mu * apart
        return Loss(objective, total.detach(), batch.size)

    def _anchor(self, predict: Predict, batch: Batch) -> tuple[Tensor, Tensor] | None:
        """Return the teacher's hidden states and output head, or None if there is no teacher."""
        if self.teacher is None:
            return None
        with self.teacher.in_charge():
            head = self.model.head_weight
            # A frozen head is returned itself: `symmetrized_kl` is faster if both heads are the same object. A trained
            # head is detached, because leaving this block swaps the weights back.
            return predict(self.model.embed(batch.input_ids)), head.detach() if head.requires_grad else head

    def after_step(self) -> None:
        """Update the teacher. Call it after every optimizer step."""
        if self.teacher is not None:
            self.teacher.follow()


class RunningLoss:
    """The mean training loss of an epoch. It reads the losses of a GPU only now and then, because reading waits."""

    def __init__(self, epoch: int, device: torch.device) -> None:
        self.epoch = epoch
        self.every = 1 if device.type == "cpu" else READ_EVERY
        self.unread: list[tuple[Tensor, int]] = []
        self.total, self.targets = 0.0, 0

    def add(self, cross_entropy: Tensor, targets: int) -> None:
        """Add the summed cross-entropy of a batch, in nats, (). Raise DivergedError; on a GPU, a few steps late."""
        self.unread.append((cross_entropy, targets))
        if len(self.unread) >= self.every:
            self._read()

    def mean(self) -> float:
        """Return the mean per target, in nats. Raise DivergedError."""
        self._read()
        return self.total / self.targets

    def _read(self) -> None:
        if not self.unread:
            return
        values = torch.stack([cross_entropy for cross_entropy, _ in self.unread]).tolist()
        for value, (_, count) in zip(values, self.unread, strict=True):
            loss = value / count
            if not math.isfinite(loss):
                raise DivergedError(self.epoch, loss, "train")
            self.total, self.targets = self.total + loss * count, self.targets + count
        self.unread = []


def cross_entropy(model: GPT2, batch: Batch) -> tuple[Tensor, int]:
    """Return the cross-entropy summed over the targets of `batch`, in nats, (), and the number of targets."""
    positions = batch.positions
    hidden = _targeted(model.hidden(batch.input_ids), positions)
    targets = _targeted(batch.targets, positions)
    return linear_cross_entropy(hidden, model.head_weight, targets, dtype=model.dtype), len(positions)


def _targeted(values: Tensor, positions: Tensor) -> Tensor:
    """Return the values at the positions that have a target, (B, T, ...), (N,) -> (N, ...)."""
    return values.flatten(0, 1).index_select(0, positions)
