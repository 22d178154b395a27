"""The benchmark of trials on a GPU: packed trials train as single ones do. Its timings need a GPU."""

from typing import Any

import pytest
import torch

from benchmarks import gpu_trials
from benchmarks.gpu_trials import PackedLoRA, Trials, main
from model.gpt2_config import GPT2Config
from model.methods.lora import LoRAConv1D, apply_lora, lora_layers
from tests.model.folders import random_model

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a small model without dropout, on the CPU."""
    shape = GPT2Config(vocab_size=50, n_positions=32, n_embd=12, n_layer=2, n_head=2, **dropout(0.0))
    for name, value in {"GPU": CPU, "SHAPES": {"small": shape}, "DROPOUT": 0.0, "LENGTH": 7}.items():
        monkeypatch.setattr(gpu_trials, name, value)


def dropout(p: float) -> dict[str, Any]:
    return dict.fromkeys(("embd_pdrop", "attn_pdrop", "resid_pdrop"), p)


def test_a_packed_layer_applies_each_adapter_to_its_own_rows() -> None:
    model = random_model()
    apply_lora(model, rank=gpu_trials.RANK, scale=gpu_trials.SCALE)
    layer = next(lora_layers(model))
    packed = PackedLoRA(layer, 3)
    rng = torch.Generator().manual_seed(0)
    torch.nn.init.normal_(packed.A, std=0.3, generator=rng)
    torch.nn.init.normal_(packed.B, std=0.3, generator=rng)
    x = torch.randn(6, 5, layer.weight.size(0), generator=rng)
    found = packed(x)
    for trial in range(3):
        with torch.no_grad():
            layer.lora_A.copy_(packed.A[trial].T.unflatten(0, (3, gpu_trials.RANK)))
            layer.lora_B.copy_(packed.B[trial].mT)
        rows = slice(2 * trial, 2 * trial + 2)
        torch.testing.assert_close(found[rows], layer(x[rows]), rtol=1e-4, atol=1e-5)


def test_packed_trials_take_the_steps_of_single_ones() -> None:
    """AdamW's step does not depend on the scale of the gradient, which is the mean over all trials."""
    single, packed = Trials("small", 1, False), Trials("small", 2, False)
    half = packed.batch.input_ids.size(0) // 2
    for one, both in zip(single.batch.tensors[:2], packed.batch.tensors[:2], strict=True):
        one.copy_(both[half:])
    single.step()
    packed.step()
    alone = [block.attn.c_attn for block in single.gradients.objective.model.blocks()]
    together = [block.attn.c_attn for block in packed.gradients.objective.model.blocks()]
    for layer, wide in zip(alone, together, strict=True):
        assert isinstance(layer, LoRAConv1D)
        assert isinstance(wide, PackedLoRA)
        assert layer.lora_B.abs().max() > 0
        agree = (layer.lora_B.mT.sign() == wide.B[1].sign()).float().mean()
        assert agree > 0.95  # in bf16, gradients near 0 may differ in sign


def test_a_machine_without_a_gpu_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, message in (([], "no GPU that torch can use"), (["large"], "no shape large; the shapes are small")):
        monkeypatch.setattr("sys.argv", ["gpu_trials", *arguments])
        with pytest.raises(SystemExit):
            main()
        assert message in capsys.readouterr().err
