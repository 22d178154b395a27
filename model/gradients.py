"""The gradients of training steps, on a GPU from CUDA graphs.

A step of GPT-2 small starts 2,400 kernels. An H100 computes them in 7 ms, but Python takes 37 ms to start them. A CUDA
graph holds the kernels of one step and starts all of them with one call. They are the same kernels on the same numbers,
so the gradients are the same, bit for bit. A graph fixes all sizes, so each shape of batch needs its own; `padded`
leaves few shapes.

Source: PyTorch's note "CUDA semantics", section "CUDA Graphs".
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from model.casting import forget_cast
from model.tasks import Batch
from model.training_loss import TrainingLoss

Shape = tuple[int, int, int]  # sequences, tokens, targets
MOST_GRAPHS = 64  # shapes with a graph; steps of further shapes start their kernels one by one


@dataclass(frozen=True)
class _StepGraph:
    """The recorded step of one shape."""

    graph: torch.cuda.CUDAGraph
    batch: Batch  # whose tensors the graph reads
    cross_entropy: Tensor  # which the graph writes, ()
    kept: Sequence[Tensor]  # casts of frozen weights, which the graph reads, too


class Gradients:
    """Computes the gradients of the trained tensors, one batch after the other."""

    def __init__(self, objective: TrainingLoss, trained: Sequence[Tensor], *, cuda_graphs: bool) -> None:
        """With `cuda_graphs`, every step of a shape must run the same operations, and `trained` must be on a GPU."""
        self.objective = objective
        self.trained = trained
        self.cuda_graphs = cuda_graphs
        self._graphs: dict[Shape, _StepGraph] = {}
        self._found: list[Tensor] = []  # the gradients that all graphs write
        self._addresses: list[int] = []  # of `trained`, as the graphs know them
        self._pool: Any = None  # the memory of all graphs, which are never replayed at once
        self._stream = torch.cuda.Stream() if cuda_graphs else None  # type: ignore[no-untyped-call]

    def __call__(self, batch: Batch) -> tuple[Tensor, int]:
        """Set `grad` of each trained tensor; return the summed cross-entropy, (), and the number of targets."""
        rows, length = batch.input_ids.shape
        shape = (rows, length, len(batch.positions))
        if self._graphs and self._addresses != [tensor.data_ptr() for tensor in self.trained]:
            self._graphs.clear()  # the optimizer has replaced the tensors instead of changing them
        if (recorded := self._graphs.get(shape)) is not None:
            return self._replay(recorded, batch)
        with self._recordable():
            found = self._compute(batch)
            if self.cuda_graphs and len(self._graphs) < MOST_GRAPHS:
                self._record(shape, batch)  # now that the kernels are loaded and the weights cast
        return found

    def _compute(self, batch: Batch) -> tuple[Tensor, int]:
        loss = self.objective(batch)
        for tensor in self.trained:
            tensor.grad = None  # else the gradients would be added
        loss.objective.backward()  # type: ignore[no-untyped-call]
        return loss.cross_entropy, loss.targets

    @contextlib.contextmanager
    def _recordable(self) -> Iterator[None]:
        """Run the block in the stream of the graphs, after all earlier work and before all later work of the GPU.

        Autograd would make the default stream wait for a recording, which is an error.
        """
        if self._stream is None:
            yield
            return
        usual = torch.cuda.current_stream()
        self._stream.wait_stream(usual)
        with torch.cuda.stream(self._stream):
            yield
        usual.wait_stream(self._stream)

    def _record(self, shape: Shape, batch: Batch) -> None:
        """Record a step of the shape of `batch`. Without the memory for it, record no further steps."""
        if not _is_room():
            self.cuda_graphs = False
            return
        if not self._graphs:
            self._found = [torch.empty_like(tensor) for tensor in self.trained]
            self._addresses = [tensor.data_ptr() for tensor in self.trained]
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self.objective.dropout)
        for tensor in self.trained:
            forget_cast(tensor)  # every replay casts them, because they change
        try:
            with torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode="thread_local"):
                loss = self.objective(batch)
                torch._foreach_copy_(self._found, torch.autograd.grad(loss.objective, self.trained))
        except torch.OutOfMemoryError:
            self.cuda_graphs = False
            return
        finally:
            for tensor in self.trained:
                forget_cast(tensor)  # its memory is the graph's
        self._pool = graph.pool()
        casts = (vars(tensor).get("cast_to") for tensor in self.objective.model.parameters())
        self._graphs[shape] = _StepGraph(graph, batch, loss.cross_entropy, [cast for cast in casts if cast is not None])

    def _replay(self, recorded: _StepGraph, batch: Batch) -> tuple[Tensor, int]:
        own = recorded.batch
        for mine, new in zip(own.tensors, batch.tensors, strict=True):
            mine.copy_(new)
        recorded.graph.replay()
        for tensor, gradient in zip(self.trained, self._found, strict=True):
            tensor.grad = gradient
        return recorded.cross_entropy.clone(), batch.size


def _is_room() -> bool:
    """Return whether the GPU has twice the memory of a step: for the graphs, which keep theirs, and for other work."""
    free, total = torch.cuda.mem_get_info()
    usable = min(free + torch.cuda.memory_reserved(), total * torch.cuda.get_per_process_memory_fraction())
    kept = torch.cuda.memory_allocated()  # of weights and the optimizer
    return kept + 2 * (torch.cuda.max_memory_allocated() - kept) <= usable
