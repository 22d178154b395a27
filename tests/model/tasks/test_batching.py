"""Batches of similar lengths: every index once, little padding, random order. And padding to few shapes."""

import random
from dataclasses import replace
from typing import Any

import pytest
import torch

from model.config import LoRAConfig, TrainConfig
from model.loss import IGNORE
from model.tasks import Batch
from model.tasks.batching import WINDOW, Ragged, by_length, padded
from model.training import Training

LENGTHS = random.Random(1).choices(range(10, 90), k=1000)


def shuffled(count: int, seed: int) -> list[int]:
    return random.Random(seed).sample(range(count), count)


@pytest.mark.parametrize("batch_size", [1, 3, 8, 32, 5000])
@pytest.mark.parametrize("count", [1, 31, 1000])
def test_batches_cover_every_index_once(count: int, batch_size: int) -> None:
    batches = list(by_length(LENGTHS, shuffled(count, 0), batch_size))
    assert sorted(index for batch in batches for index in batch) == list(range(count))
    sizes = sorted(map(len, batches), reverse=True)
    assert sizes[:-1] == [batch_size] * (len(sizes) - 1)
    assert sizes[-1] == count - batch_size * (len(sizes) - 1)


def test_a_part_of_the_indices_is_batched_too() -> None:
    assert sorted(index for batch in by_length(LENGTHS, [7, 3, 900], 2) for index in batch) == [3, 7, 900]
    assert list(by_length(LENGTHS, [], 2)) == []


def test_it_is_a_function_of_the_order() -> None:
    order = shuffled(1000, 3)
    assert list(by_length(LENGTHS, order, 8)) == list(by_length(LENGTHS, tuple(order), 8))
    other = list(by_length(LENGTHS, shuffled(1000, 4), 8))
    both = {frozenset(batch) for batch in other} & {frozenset(batch) for batch in by_length(LENGTHS, order, 8)}
    assert len(both) < 3, "the composition of the batches follows the order"


def test_batches_have_similar_lengths_in_random_order() -> None:
    batches = list(by_length(LENGTHS, shuffled(1000, 0), 8))
    real = sum(LENGTHS)
    computed = sum(len(batch) * max(LENGTHS[index] for index in batch) for batch in batches)
    assert 1 - real / computed < 0.05
    means = torch.tensor([sum(LENGTHS[index] for index in batch) / len(batch) for batch in batches])
    neighbours = torch.stack((means[:-1], means[1:])).corrcoef()[0, 1]
    assert abs(neighbours) < 0.3


def test_no_example_waits_longer_than_a_window() -> None:
    order = list(range(1000))
    flat = [index for batch in by_length(LENGTHS, order, 2) for index in batch]
    assert all(place // (2 * WINDOW) == index // (2 * WINDOW) for place, index in enumerate(flat))


# --- padding


def random_batch(seed: int) -> Batch:
    """Up to nine sequences of up to 40 tokens, with at least one target."""
    rng = random.Random(seed)
    lengths = [rng.randint(1, 40) for _ in range(rng.randint(1, 9))]
    inputs = torch.zeros(len(lengths), max(lengths), dtype=torch.long)
    targets = torch.full_like(inputs, IGNORE)
    for row, length in enumerate(lengths):
        first = rng.choice([0, length - 1])  # every token is a target, or only the last
        inputs[row, :length] = torch.tensor(rng.choices(range(300), k=length))
        targets[row, first:length] = torch.tensor(rng.choices(range(300), k=length - first))
    return Batch(inputs, targets)


@pytest.mark.parametrize("seed", range(200))
def test_padding_adds_an_eighth_at_most_and_keeps_what_counts(seed: int) -> None:
    batch = random_batch(seed)
    found = padded(batch, 1000)
    assert found.counted is not None
    assert found.size == batch.size == found.counted.sum()
    length, longer = batch.input_ids.size(1), found.input_ids.size(1)
    assert length <= longer <= length * 9 / 8
    assert batch.size <= len(found.positions) <= batch.size * 9 / 8
    assert torch.equal(found.input_ids[:, :length], batch.input_ids)
    real = found.positions[: batch.size]
    assert torch.equal(found.targets.flatten()[real], batch.targets.flatten()[batch.positions])
    assert (found.targets.flatten()[found.positions] != IGNORE).all()


def test_padding_leaves_few_shapes() -> None:
    lengths = {padded(Batch(*torch.zeros(2, 1, length).long()), 10_000).input_ids.size(1) for length in range(128, 257)}
    assert lengths == {128, 144, 160, 176, 192, 208, 224, 240, 256}


def test_padding_stays_within_the_positions() -> None:
    batch = Batch(*torch.zeros(2, 3, 97).long())
    assert [padded(batch, most).input_ids.size(1) for most in (50, 97, 100, 104, 200)] == [97, 97, 100, 104, 104]


@pytest.mark.parametrize("settings", [{}, {"lora": LoRAConfig(rank=2)}], ids=["all weights", "lora"])
def test_padding_changes_neither_loss_nor_gradients(tiny_config: TrainConfig, settings: dict[str, Any]) -> None:
    training = Training(replace(tiny_config, dropout=0.0, **settings), torch.device("cpu"))
    training.objective.start_epoch(1)
    for seed in range(10):
        batch = random_batch(seed)
        losses = [training.objective(each) for each in (batch, padded(batch, 256))]
        assert losses[0].targets == losses[1].targets
        torch.testing.assert_close(losses[0].cross_entropy, losses[1].cross_entropy)
        parameters = list(training.trainable.values())
        both = [torch.autograd.grad(loss.objective, parameters) for loss in losses]
        for one, other in zip(*both, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_ragged_keeps_sequences_as_they_are() -> None:
    rows = [[5, 6, 7], [1], [2**31 - 1, 0]]
    ragged = Ragged(rows)
    assert [ragged[index].tolist() for index in range(len(ragged))] == rows
    assert list(ragged.lengths) == [3, 1, 2]
    assert ragged[0].dtype == torch.int32
    assert ragged.padded([2, 1], pad=9).tolist() == [[2**31 - 1, 0], [1, 9]]
    assert ragged.last([0, 1, 2]).tolist() == [2, 0, 1]
    assert len(Ragged([])) == 0
