"""The base class of optimizers: torch's behaviour without torch's compiler."""

import subprocess
import sys

import pytest
import torch

from model.optim.adamw import AdamW
from model.optim.soap import SOAP

BUILD = """
import sys
from model.optim.registry import OPTIMIZERS
from model.pretrained.bases import load_base

for name, optimizer in OPTIMIZERS.items():
    built = optimizer.build(list(load_base("tiny").build().parameters()), 1e-3, 0.0, optimizer.settings())
    built.zero_grad()
    built.load_state_dict(built.state_dict())
assert "torch._dynamo" not in sys.modules
"""


def test_building_models_and_optimizers_does_not_import_the_compiler() -> None:
    subprocess.run([sys.executable, "-c", BUILD], check=True)


@pytest.mark.parametrize("optimizer", [AdamW, SOAP])
def test_groups_and_gradients_are_kept_as_torch_keeps_them(optimizer: type[torch.optim.Optimizer]) -> None:
    first, second = torch.ones(2, 2, requires_grad=True), torch.ones(3, 2, requires_grad=True)
    built = optimizer([first], lr=0.5)  # type: ignore[call-arg]
    built.add_param_group({"params": [second], "lr": 0.25})
    assert [group["lr"] for group in built.param_groups] == [0.5, 0.25]
    with pytest.raises(ValueError, match="some parameters appear in more than one parameter group"):
        built.add_param_group({"params": [first]})
    second.sum().backward()  # type: ignore[no-untyped-call]
    built.zero_grad()
    assert second.grad is None
