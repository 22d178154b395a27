"""Gradients from CUDA graphs, recorded on the pretended GPU: they equal those of the CPU, which has no graphs.

`test_on_a_gpu.py` compares whole trainings of every method and task.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from model import gradients
from model.config import DecodeConfig, LoRAConfig, SMARTConfig, TrainConfig
from model.gradients import Gradients
from model.methods.registry import METHODS
from model.training import Training
from tests.pretended_gpu import CUDA_MODULE, MEMORY, pretended_gpu
from tests.pretended_graphs import CUDA_GRAPHS, PretendedGraph, recording

GPU, CPU = torch.device("cuda"), torch.device("cpu")
LORA_IN_BF16: dict[str, Any] = {"lora": LoRAConfig(rank=2, dropout=0.1), "precision": "bf16"}
STEPS, SHAPES = 3, 2  # per epoch: ten short poems make batches of 4, 4 and 2
FIRST = 1  # step of a training, which is not recorded


def padding(config: TrainConfig, device: torch.device) -> Training:
    """A training that pads its batches as one on a GPU does, also on the CPU."""
    training = Training(config, device)
    training.has_few_shapes = True
    return training


def losses(training: Training, epochs: int = 3) -> list[tuple[float | None, float]]:
    reports = [training.run_epoch() for _ in range(epochs)]
    return [(report.train_loss, report.dev_loss) for report in reports]


@pytest.mark.parametrize("settings", [{}, LORA_IN_BF16, {"optimizer": "soap"}], ids=["adamw", "lora in bf16", "soap"])
def test_each_shape_is_recorded_once_and_then_replayed(tiny_config: TrainConfig, settings: dict[str, Any]) -> None:
    config = replace(tiny_config, **settings)
    expected = losses(padding(config, CPU))
    with pretended_gpu() as gpu:
        assert losses(Training(config, GPU)) == expected
        assert (gpu.graphs, gpu.replays) == (SHAPES, 3 * STEPS - FIRST - SHAPES)


@pytest.mark.parametrize("smart", [SMARTConfig(lam=0.1, variant="custom"), SMARTConfig(bregman_mu=0.1)])
def test_smart_is_not_recorded(tiny_config: TrainConfig, smart: SMARTConfig) -> None:
    with pretended_gpu() as gpu:
        Training(replace(tiny_config, smart=smart), GPU).run_epoch()
        assert gpu.graphs == 0


def test_nothing_is_recorded_if_graphs_are_off(tiny_config: TrainConfig) -> None:
    with pretended_gpu() as gpu:
        expected = losses(Training(tiny_config, GPU, cuda_graphs=False), 2)
        assert gpu.graphs == 0
        assert losses(Training(tiny_config, GPU), 2) == expected
        assert gpu.graphs == SHAPES


def test_a_method_that_may_change_its_operations_is_not_recorded(
    tiny_config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(METHODS, "lora", replace(METHODS["lora"], is_static=False))
    with pretended_gpu() as gpu:
        Training(replace(tiny_config, lora=LoRAConfig(rank=2)), GPU).run_epoch()
        assert gpu.graphs == 0


def test_an_evaluation_between_epochs_changes_nothing(tiny_config: TrainConfig) -> None:
    """It merges the adapters, whose weights the graphs still read."""
    config = replace(tiny_config, **LORA_IN_BF16)

    def run(device: torch.device) -> list[object]:
        training, found = padding(config, device), list[object]()
        for _ in range(3):
            found += [losses(training, 1), training.evaluate(DecodeConfig(max_new_tokens=4)).samples]
        return found

    expected = run(CPU)
    with pretended_gpu() as gpu:
        assert run(GPU) == expected
        assert gpu.replays == 3 * STEPS - FIRST - SHAPES


def test_shapes_beyond_the_limit_are_not_recorded(tiny_config: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradients, "MOST_GRAPHS", 1)
    expected = losses(padding(tiny_config, CPU))
    with pretended_gpu() as gpu:
        assert losses(Training(tiny_config, GPU)) == expected
        assert (gpu.graphs, gpu.replays) == (1, 3 * 2 - FIRST - 1)  # only batches of four


@pytest.mark.parametrize("moment", ["before", "after"])
def test_without_memory_for_a_graph_training_continues(
    tiny_config: TrainConfig, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Memory runs out when the recording begins, or when it has recorded everything."""

    @contextlib.contextmanager
    def full(*arguments: Any, **options: Any) -> Iterator[None]:
        if moment == "after":
            with recording(*arguments, **options):
                yield
        raise torch.OutOfMemoryError("CUDA out of memory.")

    expected = losses(padding(tiny_config, CPU))
    monkeypatch.setitem(CUDA_GRAPHS, "graph", full)
    with pretended_gpu() as gpu:
        training = Training(tiny_config, GPU)
        assert losses(training) == expected
        assert (training.gradients.cuda_graphs, gpu.replays) == (False, 0)


def test_a_tensor_without_a_gradient_has_none_in_replays(tiny_config: TrainConfig) -> None:
    """The loss does not depend on it, so the optimizer must skip it."""

    def run(device: torch.device) -> list[tuple[float | None, float]]:
        training = padding(tiny_config, device)
        compute = training.gradients
        compute.trained = [*compute.trained, torch.ones(2, device=device).requires_grad_()]
        compute._forget_graphs()
        found = losses(training)
        assert compute.trained[-1].grad is None
        return found

    expected = run(CPU)
    with pretended_gpu() as gpu:
        assert run(GPU) == expected
        assert gpu.replays > 0


@pytest.mark.parametrize(("share", "graphs"), [(1.0, SHAPES), (0.3, 0)])
def test_graphs_are_recorded_only_if_memory_for_two_steps_is_free(
    tiny_config: TrainConfig, monkeypatch: pytest.MonkeyPatch, share: float, graphs: int
) -> None:
    monkeypatch.setitem(CUDA_MODULE, "max_memory_allocated", lambda: 0.2 * MEMORY)
    monkeypatch.setitem(CUDA_MODULE, "get_per_process_memory_fraction", lambda: share)
    with pretended_gpu() as gpu:
        Training(tiny_config, GPU).run_epoch()
        assert gpu.graphs == graphs


def test_graphs_of_replaced_tensors_are_recorded_again(tiny_config: TrainConfig) -> None:
    """A user's optimizer may replace the `data` of a parameter instead of updating it in place."""

    def run(device: torch.device) -> list[tuple[float | None, float]]:
        training = padding(tiny_config, device)
        first = losses(training, 1)
        for parameter in training.trainable.values():
            parameter.data = parameter.data.clone()
        return first + losses(training, 2)

    expected = run(CPU)
    with pretended_gpu() as gpu:
        assert run(GPU) == expected
        assert (gpu.graphs, gpu.replays) == (2 * SHAPES, 3 * STEPS - FIRST - 2 * SHAPES)


def test_gradients_of_two_steps_are_not_added(tiny_config: TrainConfig) -> None:
    training = Training(replace(tiny_config, dropout=0.0), CPU)
    training.objective.start_epoch(1)
    (batch, *_) = training.task.batches("train", range(4), 4)
    compute = Gradients(training.objective, list(training.trainable.values()), cuda_graphs=False)
    found = []
    for _ in range(2):
        compute(batch)
        found.append(
            [parameter.grad.clone() for parameter in training.trainable.values() if parameter.grad is not None]
        )
    assert len(found[0]) == len(training.trainable)
    assert all(map(torch.equal, *found))


# --- the pretended graphs themselves


def record(work: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> tuple[PretendedGraph, torch.Tensor]:
    graph = PretendedGraph()
    with recording(graph):
        result = work(x)
    return graph, result


def test_a_recording_computes_when_it_is_replayed() -> None:
    with pretended_gpu():
        x = torch.arange(3.0, device="cuda")
        graph, result = record(lambda x: x.exp() + 1, x)
        assert result.isnan().all()
        x.add_(1)
        graph.replay()
        assert torch.equal(result, x.exp() + 1)


def test_synchronizing_while_recording_is_an_error() -> None:
    with pretended_gpu(), pytest.raises(RuntimeError, match="not permitted when stream is capturing"):
        record(lambda x: x * x.sum().item(), torch.ones(2, device="cuda"))


def test_sampling_from_another_generator_while_recording_is_an_error() -> None:
    with pretended_gpu(), pytest.raises(RuntimeError, match="not in capture mode"):
        record(lambda x: x.normal_(generator=torch.Generator("cuda")), torch.ones(2, device="cuda"))
