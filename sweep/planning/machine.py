"""What a machine computes with: devices, versions and numeric code. A cluster has several machines."""

import functools
import importlib.metadata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from model.precision import AMD, bf16_instructions, cpu_vendor
from sweep.planning.numerics import numerics_sha256
from sweep.planning.processor import device_name, gpu_names, gpu_platform

NUMERIC_PACKAGES = ("torch", "tokenizers", "sacrebleu")  # those that can change a result
DISTRIBUTION = "explora-sweep"
BF16 = "bf16 instructions"  # in the platform of a machine that has them
PRODUCTS = "library for large matrix products"  # in the platform of an AMD processor: oneDNN; see model/products.py
AND = " + "  # between the names of unlike GPUs


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What trials on a machine, or on several equal ones, compute with."""

    devices: Sequence[str]  # names of the GPUs, or the name of the CPU; empty if torch finds no GPU
    versions: dict[str, str]  # of NUMERIC_PACKAGES and of this package
    numerics_sha256: str
    # Versions of CUDA and of the GPU's driver, for the record; BF16 and PRODUCTS, which some results depend on.
    platform: dict[str, str] = field(default_factory=dict)

    @property
    def device(self) -> str:
        """Return the different devices as one name: "NVIDIA A100 + NVIDIA H100"."""
        return join_devices(self.devices)


def this_machine(gpu: bool) -> Machine:
    """Return what trials on this machine compute with: on its GPUs if `gpu`, else on its CPU."""
    devices = gpu_names() if gpu else [str(device_name(gpu=False))]
    platform = gpu_platform() if devices and gpu else {}
    if devices and (instructions := bf16_instructions("cuda" if gpu else "cpu")):
        platform[BF16] = instructions
    if not gpu and cpu_vendor() == AMD:
        platform[PRODUCTS] = "oneDNN"
    return Machine(devices=devices, versions=worker_versions(), numerics_sha256=numerics_sha256(), platform=platform)


def worker_versions() -> dict[str, str]:
    """Return the versions that a worker must share with the driver."""
    return {name: _version(name) for name in (*NUMERIC_PACKAGES, DISTRIBUTION)}


@functools.cache
def _version(package: str) -> str:
    """Return the version of an installed package. An upgrade does not change what this process has imported."""
    return importlib.metadata.version(package)


def join_devices(names: Iterable[str]) -> str:
    """Return the different names as one."""
    return AND.join(sorted(set(names)))


def split_devices(name: str) -> list[str]:
    """Return the names that `join_devices` joined."""
    return name.split(AND)
