"""Training: exact resume, determinism, independence of global state, and how it ends."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
import torch

from model.config import LoRAConfig, SMARTConfig, TrainConfig
from model.errors import DivergedError, SettingError
from model.pretrained.bases import load_base
from model.tasks import Batch
from model.training import EpochReport, Training, train
from model.training_loss import cross_entropy

LORA, SMART = LoRAConfig(rank=2, dropout=0.1), SMARTConfig(lam=0.01, variant="paper", bregman_mu=0.1)
METHODS: dict[str, dict[str, Any]] = {
    "full": {},
    "lora": {"lora": LORA},
    "smart": {"smart": SMART},
    "soap": {"optimizer": "soap"},
    "smart + lora": {"smart": SMART, "lora": LORA},
    "smart + lora + soap": {"smart": SMART, "lora": LORA, "optimizer": "soap"},
    "bf16": {"precision": "bf16"},
    "bf16 + lora + soap": {"precision": "bf16", "lora": LORA, "optimizer": "soap"},
}


@pytest.fixture(params=METHODS)
def config(request: pytest.FixtureRequest, tiny_config: TrainConfig) -> TrainConfig:
    """A training with dropout, of each method."""
    settings = {**METHODS[request.param], "weight_decay": None}
    return replace(tiny_config, lr=1e-2, **settings)


def weights(report: EpochReport) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in report.model.parameters()]


def numbers(report: EpochReport) -> dict[str, object]:
    return {name: value for name, value in report.scalars().items() if name != "train_seconds"}


def assert_equal(one: EpochReport, other: EpochReport) -> None:
    """Bit for bit."""
    assert numbers(one) == numbers(other)
    for ours, theirs in zip(one.model.parameters(), other.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_interrupted_and_resumed_equals_uninterrupted(config: TrainConfig, tmp_path: Path) -> None:
    *_, whole = train(config)
    first = next(train(config))
    folder = first.training.save(tmp_path, notes=["so far"])
    *_, resumed = train(config, checkpoint=str(folder))
    assert_equal(resumed, whole)
    assert Training(config).load(folder) == ["so far"]


def test_it_repeats_itself_and_the_seed_matters(config: TrainConfig) -> None:
    *_, one = train(config)
    *_, other = train(config)
    assert_equal(one, other)
    *_, reseeded = train(replace(config, seed=1))
    assert numbers(reseeded) != numbers(one)


def test_interleaved_runs_are_independent(config: TrainConfig) -> None:
    configs = [config, replace(config, seed=5)]
    alone = [list(train(c))[-1] for c in configs]
    *_, together = zip_longest(*(train(c) for c in configs))
    for one, other in zip(alone, together, strict=True):
        assert_equal(one, other)


def test_each_epoch_has_an_order_and_masks_of_its_own(
    tiny_config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    training, orders, masks = Training(tiny_config), [], []
    batches = training.task.batches

    def spy(split: str, order: Sequence[int], batch_size: int) -> Iterator[Batch]:
        orders.extend([tuple(order)] * (split == "train"))
        return batches(split, order, batch_size)

    monkeypatch.setattr(training.task, "batches", spy)
    for _ in range(3):
        training.run_epoch()
        masks.append(training.model.transformer.drop.stream.initial_seed())  # type: ignore[union-attr]
    assert len(set(orders)) == len(set(masks)) == 3
    assert all(sorted(order) == list(range(10)) for order in orders)


def test_scoring_in_between_changes_nothing(config: TrainConfig) -> None:
    from model.config import DecodeConfig

    *_, plain = train(config)
    for report in train(config):
        report.training.evaluate(DecodeConfig(max_new_tokens=3))
    assert_equal(report, plain)


def test_the_global_generator_is_left_alone(config: TrainConfig) -> None:
    before = torch.get_rng_state()
    list(train(config))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_loss_falls(config: TrainConfig) -> None:
    losses = [report.train_loss for report in train(replace(config, epochs=6, dropout=0.0))]
    assert losses[-1] < losses[0]  # type: ignore[operator]


def test_with_an_adapter_the_base_is_frozen(tiny_config: TrainConfig) -> None:
    config = replace(tiny_config, lora=LoRAConfig(rank=2), lr=0.1)
    before = {name: tensor.clone() for name, tensor in load_base(config.base).state.items()}
    *_, report = train(config)
    after = report.model.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert report.training.trainable_params == 2 * 3 * (24 * 2 + 2 * 24)
    assert 0 < report.training.trainable_params < report.training.total_params


def test_full_fine_tuning_does_not_change_the_cached_base(tiny_config: TrainConfig) -> None:
    *_, first = train(tiny_config)
    *_, second = train(tiny_config)
    assert_equal(first, second)


def test_zero_epochs_report_the_baseline(tiny_config: TrainConfig) -> None:
    (report,) = train(replace(tiny_config, epochs=0))
    assert (report.epoch, report.train_loss) == (0, None)
    loaded = load_base(tiny_config.base).build()
    assert all(torch.equal(a, b) for a, b in zip(report.model.parameters(), loaded.parameters(), strict=True))


def test_patience_stops_after_epochs_without_improvement(
    tiny_config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses: Iterator[float] = iter([5.0, 4.0, 4.5, 4.1, 4.2, 3.0])
    monkeypatch.setattr(Training, "dev_loss", lambda training: next(losses))
    reports = list(train(replace(tiny_config, epochs=6, patience=3)))
    assert [report.early_stopped for report in reports] == [False] * 4 + [True]
    assert (reports[-1].best_dev_loss, reports[-1].best_epoch) == (4.0, 2)


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_nan_dev_loss_is_divergence(tiny_config: TrainConfig, monkeypatch: pytest.MonkeyPatch, loss: float) -> None:
    monkeypatch.setattr(Training, "dev_loss", lambda training: loss)
    with pytest.raises(DivergedError, match="the dev loss became"):
        next(train(tiny_config))


def test_nan_train_loss_is_divergence(tiny_config: TrainConfig) -> None:
    with pytest.raises(DivergedError, match="the train loss became"):
        list(train(replace(tiny_config, lr=1e30)))


def test_non_resumable_checkpoint_holds_only_weights(config: TrainConfig, tmp_path: Path) -> None:
    for report in train(config):
        report.training.save(tmp_path)
    folder = report.training.save(tmp_path, resumable=False, keep=1)
    assert [path.name for path in tmp_path.iterdir()] == [folder.name] == ["3"]
    again = Training(config)
    again.load(folder)
    assert again.optimizer_state_bytes == 0
    assert all(torch.equal(a, b) for a, b in zip(again.model.parameters(), report.model.parameters(), strict=True))
    assert again.dev_loss() == report.dev_loss


def test_parameter_and_state_sizes_are_counted(config: TrainConfig) -> None:
    report = next(train(config))
    training = report.training
    averages = 2 * 4 * training.trainable_params  # two of each parameter, fp32
    if config.optimizer == "adamw":
        assert training.optimizer_state_bytes == averages
        assert training.precond_fallbacks is None
    else:  # beside them L, R and their bases, for each matrix
        shapes = [p.shape for p in training.trainable.values() if p.dim() > 1]
        sides = sum(math.prod(shape[:-2]) * (shape[-1] ** 2 + shape[-2] ** 2) for shape in shapes)
        assert training.optimizer_state_bytes == averages + 2 * 4 * sides
        assert training.precond_fallbacks == 0
    assert report.train_tokens == sum(len(ids) - 1 for ids in training.task.ids["train"])  # type: ignore[attr-defined]


def test_resume_restores_the_best_epoch(
    tiny_config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([4.0, 5.0, 4.5, 3.0])
    monkeypatch.setattr(Training, "dev_loss", lambda training: next(losses))
    config = replace(tiny_config, epochs=6, patience=2)
    folder = next(train(config)).training.save(tmp_path)
    reports = list(train(config, checkpoint=folder))
    assert [(report.epoch, report.best_dev_loss, report.early_stopped) for report in reports] == [
        (2, 4.0, False),
        (3, 4.0, True),
    ]


def test_padding_does_not_count(tiny_config: TrainConfig) -> None:
    """The mean over one large padded batch is the mean over the examples one by one, weighted by their tokens."""
    config = replace(tiny_config, dropout=0.0)
    one = Training(replace(config, batch_size=1)).dev_loss()
    training = Training(config)
    for split in ("train", "dev"):
        order = range(training.task.size(split))
        batched = [cross_entropy(training.model, batch) for batch in training.task.batches(split, order, 8)]
        single = [cross_entropy(training.model, batch) for batch in training.task.batches(split, order, 1)]
        assert sum(n for _, n in batched) == sum(n for _, n in single)
        assert sum(loss.item() for loss, _ in batched) == pytest.approx(
            sum(loss.item() for loss, _ in single), rel=1e-5
        )
    assert one == pytest.approx(training.dev_loss(), rel=1e-5)


def test_epochs_without_an_update_are_noted(tiny_config: TrainConfig) -> None:
    """Ten poems: with SOAP and batches of ten, the first of two epochs only initializes."""
    config = replace(tiny_config, optimizer="soap", batch_size=10, epochs=2)
    assert [config.updates(10, epochs) for epochs in (1, 2)] == [0, 1]
    notes, weights = [], [next(iter(Training(config).trainable.values())).detach().clone()]
    for report in train(config):
        notes.append(report.training.note)
        weights.append(next(iter(report.training.trainable.values())).detach().clone())
    assert notes == [
        "0 updates in 1 epoch: soap's first step only initializes",
        "1 update in 2 epochs: soap's first step only initializes",
    ]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[1], weights[2])
    for plain in (replace(config, batch_size=9), replace(config, optimizer="adamw"), replace(config, epochs=0)):
        assert [report.training.note for report in train(plain)] == [None] * max(plain.epochs, 1)


def test_a_training_without_any_update_is_refused(tiny_config: TrainConfig) -> None:
    config = replace(tiny_config, optimizer="soap", batch_size=10, epochs=1)
    with pytest.raises(SettingError, match=r"optimizer: soap makes no update in one epoch of one step \(10 examples"):
        next(train(config))
    assert len(list(train(replace(config, batch_size=9)))) == 1
