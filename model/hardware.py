"""The device that a training runs on."""

import torch


def default_device() -> torch.device:
    """Return the first GPU that this process may use, or the CPU if there is none."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
