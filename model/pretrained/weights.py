"""Check a safetensors file of GPT-2 weights without loading it: names, shapes, types, and whether numbers are finite.

Nothing here imports torch.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import safe_open

from model.gpt2_config import GPT2Config, parameter_shapes

if TYPE_CHECKING:
    import numpy as np

FLOATS = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "uint16"}  # numpy's types; it has no BF16
CHUNK = 2**22  # numbers checked at a time
# Attention masks and the tied head, which some checkpoints hold though they are not parameters.
EXTRA = re.compile(r"lm_head\.weight|h\.\d+\.attn\.(masked_)?bias")


@dataclass(frozen=True)
class Stored:
    """A tensor in a file."""

    dtype: str  # in safetensors' spelling
    shape: tuple[int, ...]
    start: int  # of its first byte in the file
    end: int


def read_header(path: Path) -> dict[str, Stored]:
    """Return the tensors in a file, by name without the prefix that older checkpoints lack.

    Raise OSError, ValueError or SafetensorError if the file is damaged.
    """
    with safe_open(path, framework="numpy"):  # checks that the header is valid and that the file is whole
        pass
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return {
        name.removeprefix("transformer."): Stored(
            each["dtype"], tuple(each["shape"]), *(8 + length + offset for offset in each["data_offsets"])
        )
        for name, each in header.items()
    }


def find_mismatch(stored: Mapping[str, Stored], config: GPT2Config) -> str | None:
    """Return how the tensors in a file differ from those that `config` requires, or None if they do not."""
    unused = {name for name in stored if not EXTRA.fullmatch(name)}
    for full_name, shape in parameter_shapes(config):  # stops at the first that is missing, however many are required
        name = full_name.removeprefix("transformer.")
        if name not in stored:
            return f"has no tensor {name}: it is not a complete GPT-2 of {config.n_layer} layers"
        if stored[name].shape != shape:
            return f"has tensor {name} as {stored[name].shape}, but config.json requires {shape}"
        if stored[name].dtype not in FLOATS:
            return f"has tensor {name} in {stored[name].dtype}, which is none of {', '.join(FLOATS)}"
        unused.discard(name)
    return f"has tensor {min(unused)}, which the GPT-2 of config.json does not have" if unused else None


def find_not_finite(path: Path, stored: Mapping[str, Stored]) -> str | None:
    """Return the name of a parameter that holds a NaN or an infinity, or None if there is none."""
    import numpy as np

    content = np.memmap(path, np.uint8, mode="r")
    for name, each in stored.items():
        if each.dtype in FLOATS and not EXTRA.fullmatch(name):
            numbers = content[each.start : each.end].view(FLOATS[each.dtype])
            if not all(_is_finite(numbers[at : at + CHUNK]) for at in range(0, len(numbers), CHUNK)):
                return name
    return None


def _is_finite(numbers: "np.ndarray") -> bool:
    if numbers.dtype == "uint16":  # BF16 is the upper half of a single-precision number
        numbers = (numbers.astype("uint32") << 16).view("float32")
    return bool((abs(numbers) < float("inf")).all())  # NaN is not below infinity either
