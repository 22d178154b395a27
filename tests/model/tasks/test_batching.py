"""Batches of similar lengths: every index once, little padding, random order."""

import random

import pytest
import torch

from model.tasks.batching import WINDOW, Ragged, by_length

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


def test_ragged_keeps_sequences_as_they_are() -> None:
    rows = [[5, 6, 7], [1], [2**31 - 1, 0]]
    ragged = Ragged(rows)
    assert [ragged[index].tolist() for index in range(len(ragged))] == rows
    assert list(ragged.lengths) == [3, 1, 2]
    assert ragged[0].dtype == torch.int32
    assert ragged.padded([2, 1], pad=9).tolist() == [[2**31 - 1, 0], [1, 9]]
    assert ragged.last([0, 1, 2]).tolist() == [2, 0, 1]
    assert len(Ragged([])) == 0
