"""CUDA graphs of the pretended GPU. A replay repeats the recorded operations on the tensors they were recorded with.

As on a GPU, recording computes nothing: its results are NaN (integers: 0) until a replay, and it does not advance the
generators. Synchronizing during a recording is an error, and so is sampling from a generator that is not registered.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as tree

from tests.pretended_gpu import CPUGenerator, GPUTensor, content, on_cpu


class PretendedGraph:
    """Stand-in for `torch.cuda.CUDAGraph`."""

    def __init__(self) -> None:
        self.recorded: list[tuple[Any, Any, Any, Any]] = []  # operation, arguments, results
        self.generators: list[CPUGenerator] = []

    def register_generator_state(self, generator: CPUGenerator) -> None:
        self.generators.append(generator)

    def pool(self) -> tuple[int, int]:
        return 0, 1

    def add(self, func: Any, args: Any, kwargs: Any, results: Any) -> None:
        drawn = [each.initial_seed() for each in kwargs.values() if isinstance(each, CPUGenerator)]
        if set(drawn) - {
            each.initial_seed() for each in self.generators
        }:  # by seed: the objects are wrapped anew in each call
            raise RuntimeError("Attempt to increase offset for a CUDA generator not in capture mode.")
        self.recorded.append((func, args, kwargs, results))

    def replay(self) -> None:
        GPUTensor.counts.replays += 1
        for func, args, kwargs, results in self.recorded:
            again = func(*tree.tree_map(content, args), **tree.tree_map(content, on_cpu(kwargs)))
            for old, new in zip(tree.tree_leaves(results), tree.tree_leaves(again), strict=True):
                if isinstance(old, GPUTensor) and old.held.data_ptr() != new.data_ptr():
                    old.held.copy_(new)

    def forget(self) -> None:
        """Overwrite the results that were computed while recording."""
        for _, args, kwargs, results in self.recorded:
            given = {_storage(each) for each in tree.tree_leaves((args, kwargs)) if isinstance(each, GPUTensor)}
            for made in tree.tree_leaves(results):
                if isinstance(made, GPUTensor) and _storage(made) not in given:
                    made.held.fill_(float("nan") if made.held.is_floating_point() else 0)


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


@contextlib.contextmanager
def recording(
    graph: PretendedGraph, pool: Any = None, stream: Any = None, capture_error_mode: str = "global"
) -> Iterator[None]:
    """Stand-in for `torch.cuda.graph`."""
    counts = GPUTensor.counts
    waits, states = counts.syncs.total() + counts.copies.total(), [each.get_state() for each in graph.generators]
    GPUTensor.graph = graph
    try:
        yield
    finally:
        GPUTensor.graph = None
    for generator, state in zip(graph.generators, states, strict=True):
        generator.set_state(state)
    graph.forget()
    counts.graphs += 1
    if counts.syncs.total() + counts.copies.total() > waits:
        raise RuntimeError("CUDA error: operation not permitted when stream is capturing")


class PretendedStream:
    """Stand-in for `torch.cuda.Stream`. All work is done at once, so nothing needs to wait."""

    def __init__(self, device: Any) -> None:
        self.device = torch.device(device)

    def wait_stream(self, other: "PretendedStream") -> None:
        pass


CUDA_GRAPHS = {
    "CUDAGraph": PretendedGraph,
    "graph": recording,
    "Stream": PretendedStream,
    "stream": contextlib.nullcontext,
    "current_stream": PretendedStream,
}
