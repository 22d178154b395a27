"""What a machine computes with, as far as results depend on it."""

import pytest

from model.precision import AMD
from sweep.planning import machine as module
from sweep.planning.machine import PRODUCTS, this_machine


@pytest.mark.parametrize(("maker", "library"), [(AMD, "oneDNN"), ("GenuineIntel", None), (None, None)])
def test_a_cpu_of_amd_multiplies_large_weights_with_onednn(
    maker: str | None, library: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "cpu_vendor", lambda: maker)
    assert this_machine(gpu=False).platform.get(PRODUCTS) == library
    monkeypatch.setattr(module, "gpu_names", lambda: ["NVIDIA H100"])
    monkeypatch.setattr(module, "bf16_instructions", lambda device: None)
    assert PRODUCTS not in this_machine(gpu=True).platform
