"""Next-token training from random weights, for a fixed number of steps and from one seed.

Shapes: B windows a batch, T tokens a window.
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
    """Everything that decides the weights, beside the text and the shape."""

    steps: int  # optimizer steps
    batch: int  # windows per step
    lr: float  # at its peak
    final_lr: float = 0.02  # fraction of the peak reached at the last step
    warmup: int = 200  # steps
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.1  # on matrices only
    clip: float = 1.0  # largest norm of the gradient
    seed: int = 20

    def lr_at(self, step: int) -> float:
        """Linear warmup, then half a cosine; `step` counts from 0."""
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        progress = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.lr * (self.final_lr + (1 - self.final_lr) * 0.5 * (1 + math.cos(math.pi * progress)))


def loss_of(model: GPT2, batch: Tensor) -> Tensor:
    """Mean cross-entropy of (B, T + 1) token ids, nats per token."""
    hidden = model.hidden(batch[:, :-1]).flatten(0, 1)
    targets = batch[:, 1:].flatten()
    return linear_cross_entropy(hidden, model.transformer.wte.weight, targets) / len(targets)


@torch.no_grad()
def held_out_loss(model: GPT2, stream: Tensor) -> float:
    """Mean loss over `stream` (N,), cut into windows of the model's full length, nats per token."""
    length = model.config.n_positions
    whole = stream[: (len(stream) - 1) // length * length + 1].long()
    batches = torch.split(whole.unfold(0, length + 1, length), 32)
    return sum(loss_of(model, batch).item() * len(batch) for batch in batches) / sum(map(len, batches))


def train(config: GPT2Config, recipe: Recipe, stream: Tensor, starts: Tensor) -> Iterator[tuple[int, float, GPT2]]:
    """Yield (steps done, loss in nats per token, the model) after each step."""
    generator = torch.Generator().manual_seed(recipe.seed)
    model = GPT2(config)
    model.init_weights(generator)
    model.eval()  # no dropout: the model is far too small to memorise this much text
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
