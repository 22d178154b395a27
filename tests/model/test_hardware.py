"""The default device for training."""

import pytest
import torch

from model.hardware import default_device


def test_default_device_is_a_gpu_if_available(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, kind in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert default_device().type == kind
