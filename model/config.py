"""Every setting of a training and of decoding, as frozen dataclasses that check themselves.

This file imports no torch, so that a whole search space can be checked before any heavy import. Each field says
its unit and its bounds once, in `setting(...)`; checks, help texts and leaderboard columns all read them there.
A flat view with dotted keys (`lr`, `lora.rank`, `decode.top_p`) is what spaces, tables and hashes use.
"""

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, cast

from model.errors import SettingError
from model.task_specs import TASKS

Scalar = int | float | str | bool | None


@dataclass(frozen=True)
class Bounds:
    """What a value may be. `unit` is for people; None leaves a side open."""

    unit: str
    low: float | None = None  # smallest value allowed
    above: float | None = None  # every value must be larger
    high: float | None = None  # largest value allowed
    below: float | None = None  # every value must be smaller
    choices: tuple[str, ...] | None = None

    def complaint(self, value: Scalar) -> str | None:
        """Why `value` is out of bounds, or None."""
        if value is None:  # whether it may be None is a matter of its type
            return None
        if self.choices is not None and value not in self.choices:
            return f"must be one of {', '.join(self.choices)}, got {value!r}"
        if isinstance(value, str | bool):
            return None
        if not math.isfinite(value):
            return f"must be a finite number, got {value}"
        if self.low is not None and value < self.low:
            return f"must be at least {self.low:g}, got {value}"
        if self.above is not None and value <= self.above:
            return f"must be above {self.above:g}, got {value}"
        if self.high is not None and value > self.high:
            return f"must be at most {self.high:g}, got {value}"
        if self.below is not None and value >= self.below:
            return f"must be below {self.below:g}, got {value}"
        return None


def setting(default: Any = dataclasses.MISSING, **bounds: Any) -> Any:
    """A dataclass field with its unit and bounds; without `default` it must be given."""
    return dataclasses.field(default=default, metadata={"bounds": Bounds(**bounds)})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of all settings: checks every field's type and bounds when made. Raises SettingError."""

    prefix: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for field, kind in fields_of(type(self)):
            key, value = self.prefix + field.name, getattr(self, field.name)
            if type(value) is not kind and type(value) not in alternatives(kind):
                value = coerce(key, value, kind)
                object.__setattr__(self, field.name, value)
            complaint = field.metadata["bounds"].complaint(value) if "bounds" in field.metadata else None
            if complaint:
                raise SettingError(key, complaint)


@dataclass(frozen=True, kw_only=True)
class LoRAConfig(Settings):
    """Low-rank adapters on the query, key and value projections (Hu et al. 2021, arXiv 2106.09685)."""

    prefix: ClassVar[str] = "lora."

    rank: int = setting(unit="rank of the adapter of each projection", low=1)
    scale: float = setting(1.0, unit="multiplier s of B A x itself (PEFT's alpha = s * rank)", above=0)
    dropout: float = setting(0.0, unit="fraction of the adapter's input dropped", low=0, below=1)


@dataclass(frozen=True, kw_only=True)
class SMARTConfig(Settings):
    """Smoothness-inducing adversarial regularization (Jiang et al. 2020, arXiv 1911.03437)."""

    prefix: ClassVar[str] = "smart."

    lam: float = setting(0.0, unit="weight of the smoothness term in the loss; 0 = the proximal term alone", low=0)
    variant: str = setting("custom", unit="how noise becomes adversarial", choices=("library", "custom", "paper"))
    eps: float = setting(1e-5, unit="radius of the noise in embedding units; in `library` a mere stabiliser", above=0)
    step_size: float = setting(1e-3, unit="length of an ascent step", above=0)
    noise_var: float = setting(1e-5, unit="variance of the first noise", above=0)
    steps: int = setting(1, unit="ascent steps per optimizer step", low=1)
    reduction: str | None = setting(
        None,
        unit="what the term is divided by: positions, sequences or nothing; None = sum in `library`, else mean",
        choices=("mean", "batchmean", "sum"),
    )
    bregman_mu: float = setting(0.0, unit="weight of the proximal term in the loss; 0 = off", low=0)
    bregman_beta: float | None = setting(
        None, unit="share of the teacher that each step keeps; None = 0.99 where there is one", low=0, below=1
    )

    @property
    def passes(self) -> int:
        """Forward passes of an optimizer step: one as ever, each ascent step, the perturbed one, the teacher's."""
        return 1 + (self.steps + 1 if self.lam else 0) + (1 if self.bregman_mu else 0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reduction is None:
            object.__setattr__(self, "reduction", "sum" if self.variant == "library" else "mean")
        if not self.lam and not self.bregman_mu:
            raise SettingError(
                "smart.lam", "must be above 0, or smart.bregman_mu must: without either SMART does nothing"
            )
        if self.bregman_beta is not None and not self.bregman_mu:
            raise SettingError("smart.bregman_beta", "has no effect while smart.bregman_mu is 0")
        if self.bregman_beta is None and self.bregman_mu:
            object.__setattr__(self, "bregman_beta", 0.99)


@dataclass(frozen=True, kw_only=True)
class DecodeConfig(Settings):
    """How text is drawn from a trained model. When neither beams, top_p nor top_k is given, top_p is 0.9."""

    prefix: ClassVar[str] = "decode."

    temperature: float | None = setting(None, unit="divisor of the logits; None = 1.2 where tokens are drawn", above=0)
    top_p: float | None = setting(None, unit="probability mass kept, the crossing token included", above=0, high=1)
    top_k: int | None = setting(None, unit="most probable tokens kept; 1 is greedy", low=1)
    beams: int | None = setting(
        None, unit="texts kept side by side per prompt; with top_p or top_k their tokens are drawn", low=1
    )
    generations: int | None = setting(None, unit="texts drawn per prompt, the most probable of which is kept", low=1)
    rank_by: str | None = setting(
        None,
        unit="log-probability that picks a beam or generation; None = cumulative for beams, mean for generations",
        choices=("cumulative", "mean"),
    )
    max_new_tokens: int = setting(128, unit="tokens drawn per prompt at most", low=1)
    max_lines: int | None = setting(None, unit="lines of a text, its prompt included, at most", low=1)

    @property
    def draws(self) -> bool:
        """Whether chance has a part. A beam search without top_p and top_k takes the most probable tokens."""
        return self.beams is None or self.top_p is not None or self.top_k is not None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.generations == 1:  # one text is what every decoding draws
            object.__setattr__(self, "generations", None)
        if self.beams is None and self.top_p is None and self.top_k is None:
            object.__setattr__(self, "top_p", 0.9)
        if self.beams is not None and self.generations is not None:
            raise SettingError("decode.generations", "beams keep the best of several texts already: use one of the two")
        if self.generations is not None and self.top_k == 1:
            raise SettingError("decode.generations", "has no effect: with top_k 1 every text is the same")
        if self.draws and self.temperature is None:
            object.__setattr__(self, "temperature", 1.2)
        elif not self.draws and self.temperature is not None:
            raise SettingError("decode.temperature", "has no effect on beams without top_p or top_k")
        if self.beams is None and self.generations is None:
            if self.rank_by is not None:
                raise SettingError("decode.rank_by", "has no effect without beams or generations to choose from")
        elif self.rank_by is None:
            object.__setattr__(self, "rank_by", "mean" if self.beams is None else "cumulative")


WEIGHT_DECAY = {"adamw": 0.0, "soap": 0.01}  # by optimizer, where a training does not say


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Settings):
    """One training, and the tokens of its decoding left out: everything that changes the weights."""

    task: str = setting("sonnets", unit="name of a task", choices=tuple(TASKS))
    data: str | None = setting(None, unit="the task's data: a path or a name; None = the set that is shipped")
    base: str = setting("tiny", unit="pretrained model: tiny, a GPT-2 size, a hub id or a folder")
    revision: str | None = setting(None, unit="commit or tag of a base from a hub; None = its main branch")
    seed: int = setting(0, unit="number that every random stream is derived from", low=0)
    epochs: int = setting(10, unit="passes over the training split; 0 = the base as it is", low=0)
    batch_size: int = setting(8, unit="sequences per optimizer step", low=1)
    lr: float = setting(1e-3, unit="learning rate, constant over the training", above=0)
    optimizer: str = setting("adamw", unit="name of an optimizer", choices=tuple(WEIGHT_DECAY))
    weight_decay: float | None = setting(
        None, unit="fraction of a weight removed per step and unit of lr; None = 0, with SOAP 0.01", low=0
    )
    dropout: float | None = setting(
        None, unit="fraction dropped inside the blocks; None = the base's own", low=0, below=1
    )
    patience: int | None = setting(None, unit="epochs of rising dev loss before stopping; None = never", low=1)
    freeze: str | None = setting(
        None, unit="what stays as it is: base = only a head of the task's own is trained", choices=("base",)
    )
    lora: LoRAConfig | None = None  # None = every weight is trained
    smart: SMARTConfig | None = None  # None = the task's loss alone

    def __post_init__(self) -> None:
        for name, kind in GROUPS.items():
            value = getattr(self, name)
            if isinstance(value, Mapping):  # TrainConfig(lora={"rank": 8}) reads well in a notebook
                object.__setattr__(self, name, build(kind, value))
        super().__post_init__()
        if self.weight_decay is None:
            object.__setattr__(self, "weight_decay", WEIGHT_DECAY[self.optimizer])
        if self.freeze and self.lora:
            raise SettingError("freeze", "has no effect beside lora, which freezes the base by itself")
        if self.freeze and not TASKS[self.task].has_head:
            raise SettingError("freeze", f"leaves nothing to train: task {self.task} has no head of its own")


S = TypeVar("S", bound=Settings)


def fields_of(kind: type[Settings]) -> tuple[tuple[dataclasses.Field[Any], Any], ...]:
    """The fields of `kind`, each with its resolved type."""
    return _fields(cast(Hashable, kind))


@functools.cache  # asking for types takes longer than all the rest of making a configuration
def _fields(kind: Any) -> tuple[tuple[dataclasses.Field[Any], Any], ...]:
    hints = typing.get_type_hints(kind)
    return tuple((field, hints[field.name]) for field in dataclasses.fields(kind))


@functools.cache
def alternatives(kind: Any) -> tuple[Any, ...]:
    """int | None -> (int, NoneType); int -> (int,)."""
    return typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)


def coerce(key: str, value: Any, kind: Any) -> Any:
    """`value` as one of the types of `kind`. An int serves as a float; nothing else is converted."""
    kinds = alternatives(kind)
    if isinstance(value, bool) and bool not in kinds:
        pass
    elif isinstance(value, kinds):
        return value
    elif float in kinds and isinstance(value, int):
        return float(value)
    names = " or ".join("None" if k is types.NoneType else k.__name__ for k in kinds)
    raise SettingError(key, f"must be {names}, got {value!r} ({type(value).__name__})")


def build(kind: type[S], values: Mapping[str, Any]) -> S:
    """`kind` from undotted keys. Raises SettingError for an unknown, missing or bad one."""
    fields = fields_of(kind)
    known = {field.name for field, _ in fields}
    for name in values:
        if name not in known:
            raise SettingError(kind.prefix + name, "is not a setting")
    for field, _ in fields:
        if field.default is dataclasses.MISSING and field.name not in values:
            given = ", ".join(kind.prefix + name for name in values)
            raise SettingError(kind.prefix + field.name, f"is needed beside {given}, which has no effect without it")
    return kind(**values)


# Methods of TrainConfig that can be off.
GROUPS: dict[str, type[Settings]] = {"lora": LoRAConfig, "smart": SMARTConfig}


def train_keys() -> dict[str, Any]:
    """Every dotted key of a training with its type."""
    keys: dict[str, Any] = {}
    for field, kind in fields_of(TrainConfig):
        if field.name in GROUPS:
            keys.update({f"{field.name}.{f.name}": k for f, k in fields_of(GROUPS[field.name])})
        else:
            keys[field.name] = kind
    return keys


def decode_keys() -> dict[str, Any]:
    """Every dotted key of decoding with its type."""
    return {DecodeConfig.prefix + field.name: kind for field, kind in fields_of(DecodeConfig)}


def from_flat(flat: Mapping[str, Any]) -> tuple[TrainConfig, DecodeConfig | None]:
    """Both configs from dotted keys; the second is None for a task that generates no text.

    `{"lora": None}` turns a method off; its dotted keys turn it on.
    """
    nested: dict[str, dict[str, Any]] = {"decode": {}, **{group: {} for group in GROUPS}}
    plain: dict[str, Any] = {}
    for key, value in flat.items():
        group, dot, name = key.partition(".")
        if dot and group in nested:
            nested[group][name] = value
        else:
            plain[key] = value
    decode = nested.pop("decode")
    for group, values in nested.items():
        if values and group in plain:
            raise SettingError(f"{group}.{next(iter(values))}", f"has no effect while {group} is None")
        if values:
            plain[group] = build(GROUPS[group], values)
    train = build(TrainConfig, plain)
    if TASKS[train.task].generates:
        return train, build(DecodeConfig, decode)
    if decode:
        raise SettingError(f"decode.{next(iter(decode))}", f"has no effect: task {train.task} generates no text")
    return train, None


def to_flat(config: Settings) -> dict[str, Scalar]:
    """Dotted keys and values of `config`, in field order; what is off (None) is left out."""
    flat: dict[str, Scalar] = {}
    for field, _ in fields_of(type(config)):
        value = getattr(config, field.name)
        if isinstance(value, Settings):
            flat.update(to_flat(value))
        elif value is not None:
            flat[config.prefix + field.name] = value
    return flat
