"""The training loss: each term compared with its definition, dropout, and batches of all shapes."""

import math
from dataclasses import replace

import pytest
import torch

from model.config import LoRAConfig, SMARTConfig, TrainConfig
from model.errors import DivergedError
from model.loss import IGNORE
from model.methods.smart import initial_noise, smart_loss, symmetrized_kl
from model.rng import generator
from model.tasks import Batch
from model.training import Training
from model.training_loss import READ_EVERY, RunningLoss, TrainingLoss, cross_entropy

SMART = SMARTConfig(lam=0.5, variant="paper", eps=0.05, step_size=0.05)


def first_batch(training: Training) -> Batch:
    return next(training.task.batches("train", range(training.task.size("train")), 4))


@pytest.fixture
def training(tiny_config: TrainConfig) -> Training:
    return Training(replace(tiny_config, dropout=0.0))


def objective(training: Training, smart: SMARTConfig | None) -> TrainingLoss:
    made = TrainingLoss(training.model, training.trainable, smart, seed=0)
    made.start_epoch(1)
    training.model.train()
    return made


def test_without_smart_the_loss_is_cross_entropy(training: Training) -> None:
    batch = first_batch(training)
    loss = objective(training, None)(batch)
    total, count = cross_entropy(training.model, batch)
    assert loss.targets == count == int((batch.targets != IGNORE).sum())
    assert loss.cross_entropy.item() == total
    assert loss.objective.item() == pytest.approx(total.item() / count)


def test_smart_adds_lambda_times_its_term(training: Training) -> None:
    batch = first_batch(training)
    plain, smart = objective(training, None)(batch), objective(training, SMART)(batch)
    real = batch.targets != IGNORE
    model = training.model
    embeddings = model.embed(batch.input_ids)

    def predict(x: torch.Tensor) -> torch.Tensor:
        return model.hidden(inputs_embeds=x)[real]

    term = smart_loss(predict, embeddings, predict(embeddings), model.head_weight, SMART, generator(0, "smart", 1))
    assert term > 1e-4
    torch.testing.assert_close(smart.objective, plain.objective + 0.5 * term)
    assert smart.cross_entropy.item() == plain.cross_entropy.item()


def test_proximal_term_grows_with_distance_from_the_teacher(training: Training) -> None:
    batch = first_batch(training)
    made = objective(training, replace(SMART, lam=0.0, bregman_mu=2.0))
    plain = objective(training, None)
    assert made(batch).objective.item() == plain(batch).objective.item()  # they are one at first
    assert made.teacher is not None
    before = training.model.hidden(batch.input_ids)[batch.targets != IGNORE].detach()
    head = training.model.head_weight.detach().clone()
    with torch.no_grad():
        for parameter in training.model.parameters():
            parameter.mul_(1.1)
    after = training.model.hidden(batch.input_ids)[batch.targets != IGNORE]
    apart = symmetrized_kl(after, training.model.head_weight, before, head) / len(after)
    assert apart > 1e-4
    torch.testing.assert_close(made(batch).objective, plain(batch).objective + 2 * apart)
    for _ in range(2000):
        made.after_step()
    assert made(batch).objective.item() == pytest.approx(plain(batch).objective.item(), rel=1e-5)


def test_smart_terms_do_not_measure_dropout(tiny_config: TrainConfig) -> None:
    """Every pass of one step drops the same elements: with hardly any noise, R_s is hardly anything."""
    training = Training(replace(tiny_config, dropout=0.3))
    still = SMARTConfig(lam=1.0, variant="paper", eps=1e-9, bregman_mu=1.0)
    batch = first_batch(training)
    plain, smart = objective(training, None)(batch), objective(training, still)(batch)
    assert smart.cross_entropy.item() == plain.cross_entropy.item()
    assert smart.objective.item() == pytest.approx(plain.objective.item(), abs=1e-6)


def test_each_epoch_has_its_own_noise(training: Training) -> None:
    made = objective(training, SMART)
    like = torch.zeros(2, 3, 4)
    one = initial_noise(like, SMART, made.noise)
    made.start_epoch(2)
    assert not torch.equal(initial_noise(like, SMART, made.noise), one)
    made.start_epoch(1)
    assert torch.equal(initial_noise(like, SMART, made.noise), one)


@pytest.mark.parametrize("lora", [None, LoRAConfig(rank=2, dropout=0.1)])
@pytest.mark.parametrize("variant", ["library", "custom", "paper"])
def test_every_trained_parameter_gets_a_gradient(
    tiny_config: TrainConfig, lora: LoRAConfig | None, variant: str
) -> None:
    smart = SMARTConfig(lam=0.01, variant=variant, bregman_mu=0.1)
    training = Training(replace(tiny_config, lora=lora, smart=smart))
    training.objective.start_epoch(1)
    loss = training.objective(first_batch(training))
    loss.objective.backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is not None for parameter in training.trainable.values())
    assert all(p.grad is None for p in training.model.parameters() if not p.requires_grad)


def test_the_losses_of_a_gpu_are_read_now_and_then() -> None:
    """A diverged loss is reported as the first one was, up to READ_EVERY steps late."""
    losses = RunningLoss(3, torch.device("cuda"))
    for count in range(1, READ_EVERY):
        losses.add(torch.tensor(math.inf if count > 4 else 2.0), 2)
    with pytest.raises(DivergedError, match="the train loss became inf in epoch 3"):
        losses.add(torch.tensor(math.nan), 2)
    whole = RunningLoss(1, torch.device("cuda"))
    whole.add(torch.tensor(6.0), 2)
    whole.add(torch.tensor(3.0), 4)
    assert (whole.mean(), whole.targets) == (1.5, 6)


def test_the_losses_of_a_cpu_are_read_at_once() -> None:
    with pytest.raises(DivergedError, match="the train loss became nan in epoch 1"):
        RunningLoss(1, torch.device("cpu")).add(torch.tensor(math.nan), 1)
