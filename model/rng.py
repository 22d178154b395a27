"""Random generators, one per purpose, each derived from the seed alone.

A generator is seeded with a hash of (seed, purpose, counters) and never depends on global state. The generators of an
epoch depend only on its number, so a run resumed at an epoch boundary gets the same random numbers as an uninterrupted
one.
"""

import hashlib

import torch


def derive_seed(seed: int, purpose: str, *counters: int) -> int:
    """Return a 63-bit seed: the SHA-256 of the arguments, the same on every platform and in every process."""
    text = "/".join([str(seed), purpose, *map(str, counters)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, purpose: str, *counters: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return the generator for `purpose` (such as "init", "data" or "dropout") and counters (such as the epoch)."""
    return torch.Generator(device).manual_seed(derive_seed(seed, purpose, *counters))
