"""The device that a training runs on, and its name in results."""

import torch

from model.processor import cpu_name


def default_device() -> torch.device:
    """Return the first GPU that this process may use, or the CPU if there is none."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def gpu_name() -> str | None:
    """Return the name of the first GPU that this process may use, or None."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def device_name(device: torch.device) -> str:
    """Return what a device is called in results: the GPU's name, or "cpu" with its vector instructions."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()
