"""The pretended GPU: it refuses what a GPU refuses, counts waits, and computes what the CPU computes."""

from collections.abc import Callable

import pytest
import torch

from model.rng import generator
from tests.pretended_gpu import Counts, pretended_gpu


def test_tensors_lie_where_they_are_put() -> None:
    with pretended_gpu():
        there = torch.arange(6.0, device="cuda").view(2, 3)
        assert there.device == torch.device("cuda", 0)
        assert (there @ there.T).device.type == there.new_zeros(2).device.type == "cuda"
        assert there.cpu().device.type == torch.ones(2).device.type == "cpu"
        assert there.tolist() == [[0, 1, 2], [3, 4, 5]]
        module = torch.nn.Linear(3, 1).to("cuda")
        module(there).sum().backward()
        assert module.weight.grad is not None
        assert module.weight.grad.device.type == "cuda"
        assert module.weight.grad.tolist() == [[3, 5, 7]]


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda x: x + torch.ones(3), "same device"),
        (lambda x: torch.cat([x, torch.ones(3)]), "same device"),
        (lambda x: torch.ones(3)[x.long()], "same device"),
        (lambda x: x.normal_(generator=torch.Generator()), "for generator"),
        (lambda x: torch.ones(3).normal_(generator=torch.Generator("cuda")), "for generator"),
        (lambda x: torch.rand(3, device="cuda", generator=torch.Generator()), "for generator"),
    ],
)
def test_devices_do_not_mix(mistake: Callable[[torch.Tensor], object], message: str) -> None:
    with pretended_gpu(), pytest.raises(RuntimeError, match=message):
        mistake(torch.zeros(3, device="cuda"))


def test_strict_determinism_forbids_sums_of_floats() -> None:
    with pretended_gpu():
        x = torch.ones(3, device="cuda")
        torch.use_deterministic_algorithms(True)
        try:
            assert x.long().cumsum(0).tolist() == [1, 2, 3]
            with pytest.raises(RuntimeError, match="cumsum does not have a deterministic implementation"):
                x.cumsum(0)
        finally:
            torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize(
    ("work", "syncs", "copies", "uploads"),
    [
        (lambda x: x.exp().sum(), 0, 0, 0),
        (lambda x: x.sum().item(), 1, 0, 0),
        (lambda x: float(x.sum()), 1, 0, 0),
        (lambda x: x.tolist(), 1, 0, 0),
        (lambda x: x[x > 1], 1, 0, 0),
        (lambda x: x.nonzero(), 1, 0, 0),
        (lambda x: torch.zeros(4).copy_(x), 1, 0, 0),
        (lambda x: x[[0, 1]], 0, 1, 0),
        (lambda x: torch.ones(4).to("cuda"), 0, 1, 0),
        (lambda x: x.copy_(torch.ones(4)), 0, 1, 0),
        (lambda x: torch.ones(4).pin_memory().to("cuda", non_blocking=True), 0, 0, 1),
        (lambda x: x.index_select(0, torch.ones(1).long().to("cuda")), 0, 1, 0),
    ],
)
def test_waits_are_counted(work: Callable[[torch.Tensor], object], syncs: int, copies: int, uploads: int) -> None:
    with pretended_gpu() as gpu:
        x = torch.arange(4.0, device="cuda")
        gpu.reset()
        work(x)
        assert (gpu.syncs.total(), gpu.copies.total(), gpu.uploads) == (syncs, copies, uploads)


def test_counts_are_those_of_the_open_block() -> None:
    with pretended_gpu() as first:
        torch.ones(2, device="cuda").sum().item()
    with pretended_gpu() as second:
        generator(0, "dropout", device="cuda")
    assert (first.syncs.total(), second) == (1, Counts())
