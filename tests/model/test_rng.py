"""Random generators: determined by their arguments, independent of each other and of global state."""

import itertools

import torch

from model.rng import derive_seed, generator


def test_seeds_are_the_same_everywhere() -> None:
    """Written down once: a change here would change every result that was ever recorded."""
    assert derive_seed(0, "init") == 1519069808562059438
    assert derive_seed(0, "dropout", 3) == 7674056959200526490


def test_every_argument_matters() -> None:
    arguments = itertools.product([0, 1, 11], ["init", "data", "dropout"], [(), (1,), (11,), (1, 1)])
    seeds = [derive_seed(seed, purpose, *counters) for seed, purpose, counters in arguments]
    assert len(set(seeds)) == len(seeds) == 36
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_equal_arguments_give_equal_numbers() -> None:
    first, second, other = (torch.rand(5, generator=generator(1, "data", epoch)) for epoch in (2, 2, 3))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_the_process_wide_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    torch.rand(5, generator=generator(0, "init"))
    assert torch.equal(torch.get_rng_state(), before)
