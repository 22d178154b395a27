"""Whether a device computes in the precision that is asked for. Nothing here imports torch."""

import os

from model.errors import SettingError

OVERRIDE = "NVIDIA_TF32_OVERRIDE"  # the environment variable that overrides the precision of matrix products on a GPU


def check_precision(precision: str | None, device: str) -> None:
    """Raise SettingError if a `device` ("cpu" or "cuda") cannot compute in it, or if the environment overrides it."""
    if precision is not None and device != "cuda":
        raise SettingError("precision", f"{precision} exists on NVIDIA GPUs only; leave it out on a {device}")
    wanted, override = "1" if precision == "tf32" else "0", os.environ.get(OVERRIDE)
    if device == "cuda" and override is not None and override != wanted:
        raise SettingError("precision", f"{OVERRIDE}={override} in the environment overrides it; unset {OVERRIDE}")
