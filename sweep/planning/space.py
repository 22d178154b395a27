"""A search space, as a file in `spaces/` defines it, and its expansion into points.

    points = variants x decodings x grid axes (milestones among them) x `samples` draws of the random axes

Expanding and checking a space needs neither torch nor Ray.
"""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from model.config import DecodeConfig
from model.errors import SettingError
from model.suggest import did_you_mean
from model.task_specs import TASKS
from sweep.errors import SpaceError
from sweep.planning.automatic import HasBF16, resolved, settle
from sweep.planning.axes import Axis, Grid, as_axis, is_axis
from sweep.planning.checks import Checker, Problems, exact, named_axis
from sweep.planning.extensions import import_named
from sweep.planning.flat import from_flat
from sweep.planning.importing import is_extension
from sweep.planning.layers import lay, override
from sweep.planning.plan import Point
from sweep.planning.values import plain

Flat = dict[str, Any]

VERSUS = re.compile(r"\s+vs\.?\s+")  # between the two sides of a comparison, so not in the name of a variant


@dataclass(frozen=True, kw_only=True)
class Space:
    """A search space.

    task: name of the task, one of `model.TASKS`, or `module:name` of an extension beside the space file.
    fixed: settings that every point shares, by dotted key (`lr`, `lora.rank`).
    axes: key -> axis; `grid` axes multiply, the others are sampled `samples` times for each grid point.
    decoding: a dict of decoding settings (plain values or axes) with keys without `decode.`, or a list of such dicts.
    variants: sub-spaces, each a dict of settings and axes that overrides `fixed`; the space is their union. A list, or
        a dict by name: the names are a column of the leaderboard. `{"lora": None}` switches a method off for a variant.
    milestones: epochs at which a trial is scored, the last of them its end; the same as a grid axis `epochs`.
    samples: draws of the random axes for each grid point.
    metric: what ranks rows: a metric of the task, or dev_loss. Default: the task's main metric.
    points_to_evaluate: points, as dicts of axis values, that a search (`--search random` or `tpe`) starts with; axes
        that a point leaves out are sampled.
    """

    task: str = "sonnets"
    fixed: Mapping[str, Any] = field(default_factory=dict)
    axes: Mapping[str, Any] = field(default_factory=dict)
    decoding: Mapping[str, Any] | Sequence[Mapping[str, Any]] = field(default_factory=dict)
    variants: Sequence[Mapping[str, Any]] | Mapping[str, Mapping[str, Any]] = ()
    milestones: Sequence[int] = ()
    samples: int = 1
    metric: str | None = None
    points_to_evaluate: Sequence[Mapping[str, Any]] = ()

    def __post_init__(self) -> None:
        if self.task not in TASKS and not is_extension(self.task):
            known = f"{did_you_mean(self.task, TASKS)}Known: {', '.join(TASKS)}"
            raise SpaceError(f"task: unknown name {self.task!r}: {known}, or module:name")
        if isinstance(self.samples, bool) or not isinstance(self.samples, int) or self.samples < 1:
            raise SpaceError(f"samples: must be a whole number of at least 1, got {self.samples!r}")
        for name in ("fixed", "axes"):
            if not isinstance(getattr(self, name), Mapping):
                raise SpaceError(f"{name}: must be a dict, got {getattr(self, name)!r}")
        lists = {
            "variants": list(self.variants.values()) if isinstance(self.variants, Mapping) else self.variants,
            "points_to_evaluate": self.points_to_evaluate,
        }
        for name, value in lists.items():
            if not isinstance(value, list | tuple) or not all(isinstance(item, Mapping) for item in value):
                kind = "a list of dicts" + (", or a dict of dicts by name" if name == "variants" else "")
                raise SpaceError(f"{name}: must be {kind}, got {getattr(self, name)!r}")
        for label in self.variants if isinstance(self.variants, Mapping) else ():
            if not isinstance(label, str) or not label.strip() or VERSUS.search(label):
                raise SpaceError(f"variants: a name must be text without ' vs ', got {label!r}")
        if not isinstance(self.milestones, list | tuple):
            raise SpaceError(f"milestones: must be a list of epochs, got {self.milestones!r}")
        if not isinstance(self.decoding, Mapping | list | tuple):
            raise SpaceError(f"decoding: must be a dict or a list of dicts, got {self.decoding!r}")
        if self.milestones and "epochs" in {*self.fixed, *self.axes}:
            raise SpaceError(
                "milestones and epochs: give only one of them; both set the epochs at which a trial is scored"
            )

    @property
    def named_variants(self) -> list[tuple[str | None, Mapping[str, Any]]]:
        """Return the variants with their names (None: it has none); without variants, one that changes nothing."""
        if isinstance(self.variants, Mapping):
            return list(self.variants.items()) or [(None, {})]
        return [(None, variant) for variant in self.variants] or [(None, {})]


@dataclass(frozen=True)
class Branch:
    """One variant combined with one decoding: its plain settings and its axes, both in file order."""

    plain: Flat
    axes: dict[str, Axis]
    variant: str | None = None  # its name


def expand(space: Space, overrides: Mapping[str, Any], has_bf16: HasBF16 = lambda: True) -> list[Point]:
    """Return every point of `space` in file order; `overrides` replace fixed settings and axes of the same key.

    `has_bf16` tells what the precision auto means on the trials' device.

    Raise SpaceError, with all errors in it, if a key is unknown, a value is invalid, an axis is empty, a setting has no
    effect, or a point occurs twice. Random draws that repeat a point are dropped without an error: the user cannot
    avoid them.
    """
    points: dict[Point, None] = {}
    problems = Problems()
    for branch, flat, drawn in _settings(space, overrides, has_bf16):
        with problems.collect():
            point = resolve(flat, branch.variant)
            if point in points and not drawn:
                raise SpaceError(
                    f"duplicate point: {_text(flat)} occurs twice; remove one of the equal values or variants"
                )
            points.setdefault(point)
    problems.check()
    if not points:
        raise SpaceError("the space has no points: give it at least one variant and one decoding")
    return list(points)


def branches(space: Space, overrides: Mapping[str, Any], has_bf16: HasBF16 = lambda: True) -> list[Branch]:
    """Return every variant with every decoding, after `overrides`, with what auto means on the trials' device.

    Raise SpaceError, with all errors in it, if a key is unknown or a value is invalid.
    """
    flats, _ = _laid(space, overrides)
    names = [name for (name, _), _ in _variants(space)]
    checker = Checker()
    for key, value in space.axes.items():
        with checker.problems.collect():
            named_axis(key, value)
    made = [_branch(flat, name, checker, has_bf16) for flat, name in zip(flats, names, strict=True)]
    checker.problems.check()
    return made


def notes(space: Space, overrides: Mapping[str, Any], *, draws: bool) -> list[str]:
    """Return what the user of a valid space may not expect.

    Overrides may not apply to all variants alike. Random axes that are drawn `samples` times (`draws`) may give one
    value only.
    """
    flats, found = _laid(space, overrides)
    axes = {key: as_axis(key, value) for flat in flats for key, value in flat.items() if is_axis(value)}
    random = [key for key, axis in axes.items() if not isinstance(axis, Grid)]
    if draws and random and space.samples == 1:
        found.append(
            f"{', '.join(random)}: one random value at every grid point, because samples is 1; give the space "
            "samples=N, or use --search random --num-samples N"
        )
    if draws and random:
        asked, left = sum(1 for _ in _settings(space, overrides)), len(expand(space, overrides))
        if left < asked:
            found.append(f"{', '.join(random)}: {asked - left} of {asked} draws repeat another point and are dropped")
    return found


def _laid(space: Space, overrides: Mapping[str, Any]) -> tuple[list[Flat], list[str]]:
    """Return the settings and axes of every variant with every decoding, after `overrides`, and notes on these."""
    variants = [variant for _, variant in space.named_variants]
    for layer in ({"task": space.task}, space.fixed, space.axes, *variants, overrides):
        import_named(layer)  # so that the settings of extensions are known keys
    milestones = {"epochs": Grid(tuple(space.milestones))} if space.milestones else {}
    flats = []
    for (_, variant), decoding in _variants(space):
        flat: Flat = {"task": space.task}
        for layer in (space.fixed, milestones, space.axes, variant, _decoding_keys(decoding)):
            flat = lay(flat, layer)
        flats.append(flat)
    words = ["variants"] * (len(variants) > 1) + ["decodings"] * (len(_decodings(space)) > 1)
    return override(flats, overrides, " with ".join(words) or "variants")


def _variants(space: Space) -> list[tuple[tuple[str | None, Mapping[str, Any]], Any]]:
    """Return every variant, with its name, with every decoding."""
    return list(itertools.product(space.named_variants, _decodings(space)))


def _decodings(space: Space) -> Sequence[Any]:
    return space.decoding if isinstance(space.decoding, list | tuple) else [space.decoding]


def _branch(flat: Flat, name: str | None, checker: Checker, has_bf16: HasBF16) -> Branch:
    """Return the branch with the settings and axes in `flat`; `checker` collects what is wrong with them."""
    branch = Branch({}, {}, name)
    for key, value in flat.items():
        with checker.problems.collect():
            checker.key(key)
            if is_axis(value):
                branch.axes[key] = settle(key, named_axis(key, value), has_bf16)
                checker.axis(key, branch.axes[key])
            else:
                branch.plain[key] = settle(key, plain(value), has_bf16)
                checker.value(key, branch.plain[key])
    return branch


def resolve(flat: Mapping[str, Any], variant: str | None = None) -> Point:
    """Return the point with these settings. Raise SpaceError if they are invalid."""
    try:
        train, decode = from_flat(exact(flat))
        return Point(resolved(train), decode, variant)
    except SettingError as error:
        raise SpaceError(str(error)) from None


def _settings(
    space: Space, overrides: Mapping[str, Any], has_bf16: HasBF16 = lambda: True
) -> Iterator[tuple[Branch, Flat, bool]]:
    """Yield the branch and flat settings of each point, and whether random axes were sampled for it."""
    for branch in branches(space, overrides, has_bf16):
        grids = {key: axis.values for key, axis in branch.axes.items() if isinstance(axis, Grid)}
        draws = {key: axis for key, axis in branch.axes.items() if not isinstance(axis, Grid)}
        for count, values in enumerate(itertools.product(*grids.values())):
            chosen = {**branch.plain, **dict(zip(grids, values, strict=True))}
            for sample in range(space.samples if draws else 1):
                index = count * space.samples + sample
                drawn = {key: axis.sample(key, index) for key, axis in draws.items()}
                yield branch, {**chosen, **drawn}, bool(draws)


def _decoding_keys(decoding: Any) -> Flat:
    if not isinstance(decoding, Mapping):
        raise SpaceError(f"decoding: must be a dict or a list of dicts, got {decoding!r} in the list")
    return {DecodeConfig.prefix + key: value for key, value in decoding.items()}


def _text(flat: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in flat.items())
