"""Format numbers: one format for each column, in tables, in the live view and in summaries."""

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from statistics import median
from typing import Any

from sweep.planning.flat import decode_keys, train_keys

HUGE = 1e6  # a loss above this has diverged, so its digits do not matter


def cell_format(name: str, values: Sequence[Any], *, short: bool = False) -> Callable[[Any], str]:
    """Return a function that formats a value of the column `name`, which holds `values`.

    With `short` it uses fewer digits and characters.
    """
    if name == "epochs" or name in train_keys() or name in decode_keys():
        return short_setting if short else setting_text
    digits = decimals(name, values)
    if short and digits == 3 and _typical(values) >= 10:
        digits = 2
    return lambda value: plain_text(value, digits)


def decimals(name: str, values: Sequence[Any]) -> int:
    """Return the number of decimals for a column of measured values."""
    if "seconds" in name:
        return 1
    typical = _typical(values)
    return 4 if typical < 1 else 3 if typical < 1000 else 0


def plain_text(value: Any, digits: int) -> str:
    """Return a measured value with `digits` decimals and separated thousands; "" for None."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, float):
        return f"{value:,.{digits}f}" if abs(value) < HUGE else f"{value:.3g}"
    return f"{value:,}" if _is_count(value) else str(value)


def setting_text(value: Any) -> str:
    """Return a setting's value, floats with at most four significant digits: 2, 0.05, 1e-5; "" for None."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:,}" if _is_count(value) else str(value)


def short_setting(value: Any) -> str:
    """Return a setting's value in its shortest form: 3e-3 for 0.003."""
    text = setting_text(value)
    if not isinstance(value, float) or not math.isfinite(value) or value == 0:
        return text
    mantissa, _, exponent = f"{value:.3e}".partition("e")
    scientific = f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return min(text, scientific, key=len)


def duration(seconds: float) -> str:
    """Return `seconds` in at most two units: 45 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    for unit, above, below, part in ((86_400, "d", "h", 3_600), (3_600, "h", "min", 60), (60, "min", "s", 1)):
        if round(seconds) >= unit:
            whole, rest = divmod(round(seconds / part), unit // part)
            return f"{whole} {above}" + (f" {rest} {below}" if rest else "")
    return f"{max(1, round(seconds))} s"


def _typical(values: Sequence[Any]) -> float:
    """Return the median absolute value of the numbers in `values` below HUGE; 1 if there are none."""
    sizes = [abs(value) for value in values if isinstance(value, int | float) and abs(value) < HUGE]
    return median(sizes) if sizes else 1.0


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: 1 seed, 6 seeds."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def size(count: int) -> str:
    """Return `count` bytes in the largest binary unit that fits: 3.2 GiB, 45 MiB, 12 KiB."""
    for unit, power in (("GiB", 30), ("MiB", 20)):
        if count >= 2**power:
            value = count / 2**power
            return f"{value:.1f} {unit}" if value < 10 else f"{value:,.0f} {unit}"
    return f"{max(1, count // 2**10)} KiB"
