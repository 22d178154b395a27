"""Next-token pretraining from random weights, for a fixed number of steps.

Shapes: N tokens in the stream, B windows per batch, T tokens per window.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from model.gpt2 import GPT2
from model.gpt2_config import GPT2Config
from model.loss import linear_cross_entropy
from model.optim.adamw import AdamW
from tools.pretraining.stream import windows


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The training hyperparameters. Together with the text and the model shape, they determine the weights."""

    steps: int  # optimizer steps
    batch: int  # windows per step
    lr: float  # peak learning rate
    final_lr: float = 0.02  # fraction of the peak at the last step
    warmup: int = 200  # steps
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.1  # on matrices only
    clip: float = 1.0  # maximum gradient norm
    seed: int = 20

    def lr_at(self, step: int) -> float:
        """Return the learning rate: linear warmup, then cosine decay. `step` counts from 0."""
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        progress = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.lr * (self.final_lr + (1 - self.final_lr) * 0.5 * (1 + math.cos(math.pi * progress)))


def loss_of(model: GPT2, batch: Tensor) -> Tensor:
    """Return the mean cross-entropy of a batch of token ids (B, T + 1), in nats per token."""
    hidden = model.hidden(batch[:, :-1]).flatten(0, 1)
    targets = batch[:, 1:].flatten()
    return linear_cross_entropy(hidden, model.transformer.wte.weight, targets) / len(targets)


@torch.no_grad()
def held_out_loss(model: GPT2, stream: Tensor) -> float:
    """Return the mean loss over `stream` (N,), split into windows of `n_positions` tokens, in nats per token."""
    length = model.config.n_positions
    whole = stream[: (len(stream) - 1) // length * length + 1].long()
    batches = torch.split(whole.unfold(0, length + 1, length), 32)
    return sum(loss_of(model, batch).item() * len(batch) for batch in batches) / sum(map(len, batches))


def train(config: GPT2Config, recipe: Recipe, stream: Tensor, starts: Tensor) -> Iterator[tuple[int, float, GPT2]]:
    """Yield (steps done, loss in nats per token, the model) after each step."""
    generator = torch.Generator().manual_seed(recipe.seed)
    model = GPT2(config)
    model.init_weights(generator)
    model.eval()  # no dropout: the model is far too small to memorize this much text
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    optimizer = AdamW(matrices, betas=recipe.betas, weight_decay=recipe.weight_decay)
    optimizer.add_param_group({"params": vectors, "weight_decay": 0.0})
    batches = windows(stream, starts, config.n_positions, recipe.batch, generator)
    for step in range(recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = recipe.lr_at(step)
        loss = loss_of(model, next(batches))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        clip_grad_norm_(model.parameters(), recipe.clip)
        optimizer.step()
        yield step + 1, loss.item(), model
