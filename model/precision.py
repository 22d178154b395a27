"""Whether a device computes in the precision that is asked for. Nothing here imports torch before a GPU is asked."""

import functools
import os
from pathlib import Path

from model.errors import SettingError

OVERRIDE = "NVIDIA_TF32_OVERRIDE"  # the environment variable that overrides the precision of matrix products on a GPU
CPU_INFO = Path("/proc/cpuinfo")  # Linux
AMD = "AuthenticAMD"  # what `cpu_vendor` returns on processors of AMD
CPU_BF16 = ("amx_bf16", "avx512_bf16")  # the processor's flags, the faster instructions first
GPU_BF16 = (8, 0)  # the lowest compute capability with products in bf16: Ampere


def check_precision(precision: str | None, device: str) -> None:
    """Raise SettingError if a `device` ("cpu" or "cuda") cannot compute in it, or if the environment overrides it."""
    if precision == "tf32" and device != "cuda":
        raise SettingError("precision", f"{precision} exists on NVIDIA GPUs only; leave it out on a {device}")
    wanted, override = "1" if precision == "tf32" else "0", os.environ.get(OVERRIDE)
    if device == "cuda" and override is not None and override != wanted:
        raise SettingError("precision", f"{OVERRIDE}={override} in the environment overrides it; unset {OVERRIDE}")


def resolve(precision: str | None, device: str) -> str | None:
    """Return the precision to compute in on a `device`: for auto, bf16 if it has instructions for it, else fp32."""
    if precision != "auto":
        return precision
    return "bf16" if bf16_instructions(device) else None


def bf16_instructions(device: str) -> str | None:
    """Return what a `device` ("cpu" or "cuda") multiplies bf16 with; None if it has no instructions for that.

    A CPU without them emulates bf16, more slowly than it computes in fp32. Which ones it has decides the last bits. All
    visible GPUs must have them.
    """
    if device == "cpu":
        flags = cpu_flags(CPU_INFO)
        return next((name for name in CPU_BF16 if name in flags), None)
    import torch

    capabilities = [torch.cuda.get_device_capability(index) for index in range(torch.cuda.device_count())]
    return "tensor cores" if capabilities and min(capabilities) >= GPU_BF16 else None


def cpu_flags(place: Path) -> set[str]:
    """Return the processor's flags as Linux lists them in `place`; none, if it does not."""
    return set(cpu_field(place, "flags").split())


@functools.cache
def cpu_vendor() -> str | None:
    """Return the processor's maker as Linux names it, such as "AuthenticAMD"; None on another system."""
    return cpu_field(CPU_INFO, "vendor_id") or None


def cpu_field(place: Path, name: str) -> str:
    """Return the value of the first line of `place` that starts with `name`; "" if there is none."""
    lines = place.read_text().splitlines() if place.is_file() else []
    line = next((line for line in lines if line.startswith(name)), "")
    return line.partition(":")[2].strip()
