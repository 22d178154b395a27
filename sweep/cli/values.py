"""The types of option values: durations, budgets and shares of a GPU."""

from typing import Any

import click

from sweep.errors import UsageError
from sweep.planning.config import Budget, parse_duration
from sweep.tracking.registry import parse_trackers


class Duration(click.ParamType[float | None]):
    """A time in seconds, written with its unit; 0 means no limit."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        if str(value) == "0":
            return None
        try:
            return parse_duration(str(value)) or None
        except ValueError:
            self.fail(
                f"{value!r}: write a number and s, m, h or d, for example 90s or 2h; 0 means no limit", param, ctx
            )


class BudgetType(click.ParamType[Budget]):
    """A budget in time, trials or GPU hours."""

    name = "budget"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Budget:
        if isinstance(value, Budget):
            return value
        try:
            return Budget.parse(str(value))
        except ValueError:
            self.fail(f"{value!r}: write for example 30m, 2h, 40trials or 2gpuh", param, ctx)


class Trackers(click.ParamType[tuple[str, ...]]):
    """Names of trackers, separated by commas."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        try:
            return parse_trackers(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)


class GPUShare(click.ParamType[float | str]):
    """The GPUs of each trial: a number, or `auto`."""

    name = "gpus"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | str:
        if value == "auto":
            return "auto"
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if number > 1:
            self.fail(f"{value!r}: a trial computes on one GPU; write 1, a fraction (0.25), or auto", param, ctx)
        if not number >= 0:
            self.fail(f"{value!r}: write 1, a fraction of one GPU (0.25), or auto", param, ctx)
        return number
