"""The default device for training."""

import torch


def default_device() -> torch.device:
    """Return the first GPU visible to this process, or the CPU if there is none."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
