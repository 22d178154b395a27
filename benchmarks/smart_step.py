"""The cost of SMART: a training step with one ascent step against the same step without SMART.

A plain step is a forward and a backward pass. SMART adds a forward pass and half a backward pass to find the noise, and
a second forward and backward pass on the perturbed embeddings. Measured on language modelling (8 sequences of 160
tokens, a loss at every position) and cloze classification (8 sequences of 40 tokens, a loss at the last position).
"""

import torch

from benchmarks.measurement import PAIRS, THREADS, Pairs, compare, summary
from benchmarks.training_step import BATCH, LENGTH, RANK, SHAPES, Step
from model.config import SMARTConfig
from model.gpt2 import GPT2
from model.gpt2_config import GPT2Config
from model.loss import IGNORE
from model.methods.lora import apply_lora
from model.optim.adamw import AdamW
from model.rng import generator
from model.tasks import Batch
from model.training_loss import TrainingLoss

PAIR_LENGTH = 40  # tokens of a question pair in its prompt
SMART = SMARTConfig(lam=4e-3, variant="custom", steps=1)


def training_step(config: GPT2Config, batch: Batch, smart: SMARTConfig | None, lora: bool) -> Step:
    model = GPT2(config)
    model.init_weights(generator(0, "init"))
    if lora:
        apply_lora(model, rank=RANK, dropout=0.1)
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    optimizer = AdamW(trained.values(), lr=1e-3)
    objective = TrainingLoss(model, trained, smart, seed=0)
    objective.start_epoch(1)

    def step() -> None:
        loss = objective(batch).objective
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def batch_of(config: GPT2Config, cloze: bool) -> Batch:
    length = PAIR_LENGTH if cloze else LENGTH
    ids = torch.randint(config.vocab_size, (BATCH, length + 1), generator=generator(0, "data"))
    targets = ids[:, 1:].clone()
    if cloze:
        targets[:, :-1] = IGNORE
    return Batch(ids[:, :-1], targets)


def timed(shape: str, cloze: bool, lora: bool) -> Pairs:
    """Return pairs of seconds, with and without SMART."""
    config = SHAPES[shape]
    batch = batch_of(config, cloze)
    with_it, without = (training_step(config, batch, smart, lora) for smart in (SMART, None))
    return compare(with_it, without, PAIRS[shape])


def main() -> None:
    print(f"one training step with SMART (one ascent step), batch {BATCH}, fp32, {THREADS} thread")
    print(f"{'shape':6} {'task':8} {'trained':8} {'SMART s':>8} {'plain s':>9} {'ratio':>6} (quartiles)")
    for shape in SHAPES:
        for cloze in (False, True):
            for lora in (False, True):
                task, trained = "cloze" if cloze else "language", "LoRA" if lora else "all"
                print(f"{shape:6} {task:8} {trained:8} {summary(timed(shape, cloze, lora))}", flush=True)


if __name__ == "__main__":
    main()
