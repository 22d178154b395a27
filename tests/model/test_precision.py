"""Precisions that a device does not have, or that the environment overrides, are refused."""

import pytest

from model.errors import SettingError
from model.precision import OVERRIDE, check_precision


@pytest.mark.parametrize(("precision", "refused"), [(None, "1"), ("tf32", "0")])
def test_the_environment_may_not_override_the_precision(
    monkeypatch: pytest.MonkeyPatch, precision: str | None, refused: str
) -> None:
    monkeypatch.delenv(OVERRIDE, raising=False)
    check_precision(precision, "cuda")
    monkeypatch.setenv(OVERRIDE, "0" if refused == "1" else "1")
    check_precision(precision, "cuda")
    monkeypatch.setenv(OVERRIDE, refused)
    with pytest.raises(SettingError, match=f"precision: NVIDIA_TF32_OVERRIDE={refused} .* unset NVIDIA_TF32_OVERRIDE"):
        check_precision(precision, "cuda")
    check_precision(None, "cpu")


def test_a_cpu_has_no_tf32() -> None:
    with pytest.raises(SettingError, match="precision: tf32 exists on NVIDIA GPUs only; leave it out on a cpu"):
        check_precision("tf32", "cpu")
