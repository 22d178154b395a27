"""Random streams: one for each purpose, each a function of the seed alone.

A stream is derived by hashing (seed, purpose, counters), never drawn from a global generator. Because the streams
of an epoch depend on its number only, a training resumed at an epoch boundary draws what it would have drawn.
"""

import hashlib

import torch


def derive_seed(seed: int, purpose: str, *counters: int) -> int:
    """A 63-bit seed from SHA-256 of its arguments; equal on every platform and in every process."""
    text = "/".join([str(seed), purpose, *map(str, counters)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, purpose: str, *counters: int, device: torch.device | str = "cpu") -> torch.Generator:
    """The generator of `purpose` ("init", "data", "dropout", "decode"), at counters such as the epoch."""
    return torch.Generator(device).manual_seed(derive_seed(seed, purpose, *counters))
