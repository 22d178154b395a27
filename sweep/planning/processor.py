"""The device that results are computed on, by name. A CPU is named by its vector instructions, found without torch.

Results depend on them: AVX2 and AVX-512 add in different orders, so the last bits of sums differ.
"""

import functools
import os
import platform
import re
from pathlib import Path

from model.precision import cpu_flags

CPU_INFO = Path("/proc/cpuinfo")  # Linux
DRIVER = Path("/proc/driver/nvidia/version")  # Linux
OVERRIDE = "ATEN_CPU_CAPABILITY"  # the environment variable that overrides torch's choice
OVERRIDES = {"avx512": "AVX512", "avx2": "AVX2", "default": "DEFAULT"}
AVX512 = {"avx512vl", "avx512bw", "avx512dq", "fma"}
AVX2 = {"avx2", "fma"}


@functools.cache
def cpu_capability() -> str:
    """Return what `torch.backends.cpu.get_cpu_capability()` returns in this environment: AVX512, AVX2 or another name.

    The rules are those of torch's `aten/src/ATen/native/DispatchStub.cpp`; if they do not decide, ask torch.
    """
    found = _from_flags() if platform.machine() in ("x86_64", "AMD64") and CPU_INFO.is_file() else None
    if found is None:
        import torch

        found = str(torch.backends.cpu.get_cpu_capability())
    return found


def device_name(gpu: bool) -> str | None:
    """Return the device's name in results: "cpu (AVX512)", or that of the first GPU; None if no GPU is usable."""
    if not gpu:
        return f"cpu ({cpu_capability()})"
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def gpu_names() -> list[str]:
    """Return the name of each GPU that torch can use."""
    import torch

    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]


def gpu_platform() -> dict[str, str]:
    """Return the versions of CUDA and of the GPU's driver, as far as they are known."""
    import torch

    found = {"cuda": torch.version.cuda}
    if DRIVER.is_file() and (match := re.search(r"Kernel Module.*?\s(\d+(?:\.\d+)+)\s", DRIVER.read_text())):
        found["driver"] = match[1]
    return {name: version for name, version in found.items() if version is not None}


def _from_flags() -> str | None:
    """Return the capability according to the environment or the processor's flags; None if they do not decide."""
    wanted = os.environ.get(OVERRIDE)
    if wanted is not None:
        return OVERRIDES.get(wanted.lower())
    flags = cpu_flags(CPU_INFO)
    if not flags:
        return None
    return "AVX512" if flags >= AVX512 else "AVX2" if flags >= AVX2 else "DEFAULT"
