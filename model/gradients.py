"""Compute the gradients of training steps; on a GPU, by replaying CUDA graphs.

The forward and backward pass of GPT-2 small run about 2,400 kernels. An H100 computes them in 7 ms, but Python takes
37 ms to launch them one by one. A CUDA graph holds the kernels of both passes and launches them with one call. They are
the same kernels on the same numbers, so the gradients are the same, bit for bit. A graph fixes all sizes, so each shape
of batch needs its own; `model.tasks.batching.padded` keeps the number of shapes small.

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

Shape = tuple[int, int, int]  # sequences, tokens per sequence, positions with a target; all including padding
MOST_GRAPHS = 64  # shapes with a graph; the kernels of further shapes are launched one by one


@dataclass(frozen=True)
class _StepGraph:
    """The recorded passes of one shape."""

    graph: torch.cuda.CUDAGraph
    batch: Batch  # whose tensors the graph reads
    cross_entropy: Tensor  # which the graph writes, ()
    gradients: Sequence[Tensor | None]  # which the graph writes; None for a tensor that the loss does not depend on
    casts: Sequence[Tensor]  # of frozen weights, which the graph reads; held here, so that they are not freed


class Gradients:
    """Computes the gradients of the trained tensors, one batch after the other."""

    def __init__(self, objective: TrainingLoss, trained: Sequence[Tensor], *, cuda_graphs: bool) -> None:
        """With `cuda_graphs`, all steps of a shape must launch the same kernels, and `trained` must be on one GPU."""
        self.objective = objective
        self.trained = trained
        self.cuda_graphs = cuda_graphs
        self._has_stepped = False
        self._stream = torch.cuda.Stream(trained[0].device) if cuda_graphs else None  # type: ignore[no-untyped-call]
        self._forget_graphs()

    def _forget_graphs(self) -> None:
        self._graphs: dict[Shape, _StepGraph] = {}
        self._pool: Any = None  # the memory of all graphs, which are never replayed at once
        self._found: list[Tensor] = []  # the gradients that all graphs write
        self._addresses = [tensor.data_ptr() for tensor in self.trained]  # that the graphs read

    def __call__(self, batch: Batch) -> tuple[Tensor, int]:
        """Set `grad` of each trained tensor; return the summed cross-entropy, (), and the number of targets."""
        if self._graphs and self._addresses != [tensor.data_ptr() for tensor in self.trained]:
            self._forget_graphs()  # the optimizer has replaced the tensors instead of changing them
        rows, length = batch.input_ids.shape
        shape = (rows, length, len(batch.positions))
        if (recorded := self._graphs.get(shape)) is not None:
            return self._replay(recorded, batch)
        with self._recordable():
            found = self._compute(batch)
            # By now kernels are loaded, frozen weights are cast and, after one step, the optimizer has its memory.
            if self.cuda_graphs and self._has_stepped and len(self._graphs) < MOST_GRAPHS:
                self._try_to_record(shape, batch)
        self._has_stepped = True
        return found

    def _compute(self, batch: Batch) -> tuple[Tensor, int]:
        loss = self.objective(batch)
        for tensor in self.trained:
            tensor.grad = None  # else the gradients would be added
        loss.objective.backward()  # type: ignore[no-untyped-call]
        return loss.cross_entropy, loss.targets

    @contextlib.contextmanager
    def _recordable(self) -> Iterator[None]:
        """Run the block on the stream of the graphs, after all earlier work and before all later work of the GPU.

        Autograd keeps nodes of the stream on which a tensor was first used. Were it the default stream, a recording
        would make that stream wait for it, which is an error.
        """
        if self._stream is None:
            yield
            return
        usual = torch.cuda.current_stream(self._stream.device)
        self._stream.wait_stream(usual)
        with torch.cuda.stream(self._stream):
            yield
        usual.wait_stream(self._stream)

    def _try_to_record(self, shape: Shape, batch: Batch) -> None:
        """Record the passes of a batch's shape. If memory is short, stop recording for good."""
        try:
            if not self._found:
                self._found = [torch.empty_like(tensor) for tensor in self.trained]
            if _has_room():
                self._graphs[shape] = self._record(batch)
                return
        except torch.OutOfMemoryError:
            pass
        self.cuda_graphs = False
        if not self._graphs:
            self._found = []

    def _record(self, batch: Batch) -> _StepGraph:
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self.objective.dropout)
        for tensor in self.trained:
            forget_cast(tensor)  # so that the graph contains the cast
        try:
            with torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode="thread_local"):
                loss = self.objective(batch)
                new = torch.autograd.grad(loss.objective, self.trained, allow_unused=True)
                gradients = [None if each is None else own for own, each in zip(self._found, new, strict=True)]
                torch._foreach_copy_(_some(gradients), _some(new))
        finally:
            for tensor in self.trained:
                forget_cast(tensor)  # it lies in the memory of the graph
        self._pool = graph.pool()
        casts = [vars(tensor).get("cast_to") for tensor in self.objective.model.parameters()]
        return _StepGraph(graph, batch, loss.cross_entropy, gradients, _some(casts))

    def _replay(self, recorded: _StepGraph, batch: Batch) -> tuple[Tensor, int]:
        for own, new in zip(recorded.batch.tensors, batch.tensors, strict=True):
            own.copy_(new)
        recorded.graph.replay()
        for tensor, gradient in zip(self.trained, recorded.gradients, strict=True):
            tensor.grad = gradient
        return recorded.cross_entropy.clone(), batch.size


def _some(tensors: Sequence[Tensor | None]) -> list[Tensor]:
    return [tensor for tensor in tensors if tensor is not None]


def _has_room() -> bool:
    """Return whether the GPU's memory holds two steps: one that the graphs keep, and one that is not recorded."""
    free, total = torch.cuda.mem_get_info()
    usable = min(free + torch.cuda.memory_reserved(), total * torch.cuda.get_per_process_memory_fraction())
    kept = torch.cuda.memory_allocated()  # weights, gradients and the optimizer's state
    return kept + 2 * (torch.cuda.max_memory_allocated() - kept) <= usable
