"""`precision=auto`: bf16 where the trials' device has instructions for it, else fp32.

It is resolved when a run is planned, so that a point, its row and its cache key hold what is computed. In what is left
for a search to sample, auto means bf16, or fp32 for a point with SMART.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from model.config import TrainConfig
from sweep.planning.axes import Choice, Grid

KEY, AUTO = "precision", "auto"
HasBF16 = Callable[[], bool]  # asked only if a space says auto, because the answer may need torch or a cluster


def settle(key: str, value: Any, has_bf16: HasBF16) -> Any:
    """Return a value or an axis of the setting `key`, with fp32 in place of auto if the device has no bf16."""
    values = value.values if isinstance(value, Grid | Choice) else (value,)
    if key != KEY or AUTO not in values or has_bf16():
        return value
    settled = tuple("fp32" if one == AUTO else one for one in values)
    return replace(value, values=settled) if isinstance(value, Grid | Choice) else settled[0]


def resolved(train: TrainConfig) -> TrainConfig:
    """Return settings whose precision is no longer auto, on a device with bf16."""
    return replace(train, precision="bf16") if train.precision == AUTO else train
