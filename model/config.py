"""All settings of training and decoding, as frozen dataclasses that validate themselves.

Nothing here imports torch, so a whole search space can be validated before any slow import.
"""

import math
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from model.data_settings import DataSettings
from model.errors import SettingError
from model.methods.registry import METHODS
from model.methods.settings import LoRAConfig as LoRAConfig
from model.methods.settings import SMARTConfig as SMARTConfig
from model.optim.registry import OPTIMIZERS
from model.settings import Settings, build, defaults, fields_of, setting
from model.task_specs import TASKS

BY_TASK = ("text", "text2", "label", "prompt", "completion", "answers")  # settings of data that some tasks use
PRECISIONS = ("fp32", "bf16", "auto", "tf32")
GROUPS: dict[str, type[Settings]] = {"lora": LoRAConfig, "smart": SMARTConfig}  # fields of TrainConfig


@dataclass(frozen=True, kw_only=True)
class DecodeConfig(Settings):
    """Settings of text generation. If none of beams, top_p and top_k is given, top_p is 0.9."""

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
    repeats: int | None = setting(
        None, unit="draws of all texts; each metric is the mean over the draws, None = 1", low=1
    )
    max_new_tokens: int = setting(128, unit="tokens drawn per prompt at most", low=1)
    max_lines: int | None = setting(None, unit="lines of a text, its prompt included, at most", low=1)

    @property
    def draws(self) -> bool:
        """Whether decoding samples tokens. Beam search without top_p and top_k is deterministic."""
        return self.beams is None or self.top_p is not None or self.top_k is not None

    def __post_init__(self) -> None:
        if self.temperature == 0:
            raise SettingError("decode.temperature", "must be above 0, got 0; for greedy decoding use top_k=1")
        super().__post_init__()
        if self.generations == 1:  # the same as None: one text per prompt
            object.__setattr__(self, "generations", None)
        if self.beams is None and self.top_p is None and self.top_k is None:
            object.__setattr__(self, "top_p", 0.9)
        if self.repeats == 1:
            object.__setattr__(self, "repeats", None)
        if self.repeats is not None and (not self.draws or self.top_k == 1):
            cause = "with top_k 1" if self.draws else "beams without top_p or top_k sample nothing, so"
            raise SettingError("decode.repeats", f"has no effect: {cause} all draws are the same")
        if self.beams is not None and self.generations is not None:
            raise SettingError("decode.generations", "beams already keep the best of several texts: use one of the two")
        if self.generations is not None and self.top_k == 1:
            raise SettingError("decode.generations", "has no effect: with top_k 1, all texts are the same")
        if self.draws and self.temperature is None:
            object.__setattr__(self, "temperature", 1.2)
        elif not self.draws and self.temperature is not None:
            raise SettingError("decode.temperature", "has no effect on beams without top_p or top_k")
        if self.beams is None and self.generations is None:
            if self.rank_by is not None:
                raise SettingError("decode.rank_by", "has no effect without beams or generations to choose from")
        elif self.rank_by is None:
            object.__setattr__(self, "rank_by", "mean" if self.beams is None else "cumulative")


_WEIGHT_DECAYS = ", ".join(f"{spec.weight_decay:g} with {name}" for name, spec in OPTIMIZERS.items())


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Settings):
    """Settings of one training run: everything that affects the weights. Decoding does not."""

    task: str = setting("sonnets", unit="name of a task", choices=TASKS)
    data: str | None = setting(None, unit="data of the task: a path or a name; None = the shipped set")
    truncate: str | None = setting(
        None,
        unit="part that is cut from a text longer than the base's positions; None = tail",
        choices=("head", "middle", "tail"),
    )
    data_settings: DataSettings | None = setting(None, unit="settings of the user's own data; None = the defaults")
    base: str = setting("tiny", unit="pretrained model: tiny, a GPT-2 size, a hub id or a folder")
    revision: str | None = setting(None, unit="commit or tag of a base from a hub; None = its main branch")
    seed: int = setting(0, unit="number that every random stream is derived from", low=0)
    epochs: int = setting(10, unit="passes over the training split; 0 = the base as it is", low=0)
    batch_size: int = setting(8, unit="sequences per optimizer step", low=1)
    lr: float = setting(1e-3, unit="learning rate, constant over the training", above=0)
    optimizer: str = setting("adamw", unit="name of an optimizer", choices=OPTIMIZERS)
    weight_decay: float | None = setting(
        None, unit=f"fraction of a weight removed per step and unit of lr; None = {_WEIGHT_DECAYS}", low=0
    )
    dropout: float | None = setting(
        None, unit="fraction dropped inside the blocks; None = the base's own", low=0, below=1
    )
    precision: str | None = setting(
        None,
        unit="precision of matrix products; None = fp32, auto = bf16 where the device has it, but fp32 with SMART",
        choices=PRECISIONS,
    )
    patience: int | None = setting(None, unit="epochs of rising dev loss before stopping; None = never", low=1)
    keep_best_epoch: bool | None = setting(
        None, unit="whether to score the weights of the epoch with the lowest dev loss so far; None = the last epoch's"
    )
    freeze: str | None = setting(
        None, unit="weights that stay as they are; base = train only a head of the task's own", choices=("base",)
    )
    peft: str | None = setting(
        None,
        unit="name of a PEFT method; None = lora if its rank is given, else every weight is trained",
        choices=METHODS,
    )
    lora: LoRAConfig | None = setting(None, unit="settings of LoRA; None = off")
    smart: SMARTConfig | None = setting(None, unit="settings of SMART; None = the loss of the task alone")
    optimizer_settings: Settings | None = setting(None, unit="settings of the optimizer; None = its defaults")
    peft_settings: Settings | None = setting(None, unit="settings of the method `peft`; None = its defaults")

    @property
    def optimizer_values(self) -> Settings:
        """The settings of the optimizer, defaults included."""
        return self.optimizer_settings or build(OPTIMIZERS[self.optimizer].settings, {})

    @property
    def peft_name(self) -> str | None:
        """The PEFT method, or None if there is none."""
        return "lora" if self.lora else self.peft

    @property
    def peft_values(self) -> Settings | None:
        """The settings of the PEFT method, defaults included, or None if there is none."""
        return self.lora or (self.peft_settings or build(METHODS[self.peft].settings, {}) if self.peft else None)

    @property
    def has_head(self) -> bool:
        """Whether a classifier is added to the model: not if the task is answered in words."""
        return TASKS[self.task].has_head and not (self.data_settings and self.data_settings.words)

    def updates(self, examples: int, epochs: int) -> int:
        """Return how many steps update the weights in `epochs` epochs over `examples` examples."""
        return epochs * math.ceil(examples / self.batch_size) - OPTIMIZERS[self.optimizer].idle_steps

    def check_updates(self, examples: int) -> None:
        """Raise SettingError if a training on `examples` examples has steps, but none of them updates the weights."""
        if self.epochs and self.updates(examples, self.epochs) < 1:
            raise SettingError(
                "optimizer",
                f"{self.optimizer} makes no update in one epoch of one step ({examples} examples, batch_size "
                f"{self.batch_size}), because its first step only initializes; train longer or with smaller batches",
            )

    def __post_init__(self) -> None:
        self._build_groups()
        super().__post_init__()
        if self.truncate and not TASKS[self.task].cuts:
            raise SettingError("truncate", f"has no effect: task {self.task} reads long texts in parts")
        if self.truncate and TASKS[self.task].load is not None:
            raise SettingError("truncate", f"has no effect: task {self.task} cuts its texts by itself")
        if self.data_settings is not None:
            self._check_data_settings(self.data_settings)
        if self.keep_best_epoch is False:
            object.__setattr__(self, "keep_best_epoch", None)
        if self.truncate == "tail":
            object.__setattr__(self, "truncate", None)
        if self.weight_decay is None:
            object.__setattr__(self, "weight_decay", OPTIMIZERS[self.optimizer].weight_decay)
        if self.lora and self.peft:
            raise SettingError("lora", f"has no effect beside peft={self.peft}")
        if self.peft_settings and not self.peft:
            raise SettingError("peft_settings", "has no effect while peft is None")
        if self.freeze and self.peft_name:
            raise SettingError("freeze", f"has no effect beside {self.peft_name}, which freezes the base by itself")
        if self.precision == "fp32" or (self.precision == "auto" and self.smart):
            object.__setattr__(self, "precision", None)
        if self.precision and self.smart:
            raise SettingError(
                "precision",
                f"{self.precision} rounds away the small differences that SMART and Bregman measure; leave it out, or "
                "give auto, which computes points with SMART in fp32",
            )
        if self.freeze and not self.has_head:
            raise SettingError("freeze", f"leaves nothing to train: task {self.task} has no head of its own")

    def _check_data_settings(self, given: DataSettings) -> None:
        """Raise SettingError if a setting of the data has no effect on the task."""
        columns = TASKS[self.task].columns
        for name in (field.name for field, _ in fields_of(DataSettings) if getattr(given, field.name) != field.default):
            if not columns or (name in BY_TASK and name not in columns):
                users = [
                    task
                    for task, spec in TASKS.items()
                    if spec.columns and (name not in BY_TASK or name in spec.columns)
                ]
                raise SettingError(
                    f"data.{name}", f"has no effect: task {self.task} does not read it; use task {' or '.join(users)}"
                )

    def _build_groups(self) -> None:
        """Build groups that are given as mappings: TrainConfig(lora={"rank": 8}).

        If all settings of an optimizer or PEFT method are defaults, store None, so that equal configurations compare
        equal.
        """
        if self.peft == "lora":
            object.__setattr__(self, "peft", None)
            object.__setattr__(self, "lora", self.lora or {})
        chosen = {
            "optimizer_settings": OPTIMIZERS.get(str(self.optimizer)),
            "peft_settings": METHODS.get(str(self.peft)),
        }
        own: dict[str, type[Settings]] = {"data_settings": DataSettings}
        own |= {name: spec.settings for name, spec in chosen.items() if spec is not None}
        for name, kind in {**GROUPS, **own}.items():
            value = getattr(self, name)
            if isinstance(value, Settings) and type(value) is not kind and value.prefix == kind.prefix:
                value = vars(value)  # an instance of the same class from before its module was reloaded
            if isinstance(value, Mapping):
                value = build(kind, value)
            if name in own and type(value) not in (kind, types.NoneType):
                raise SettingError(name, f"must be {kind.__name__} or None, got {value!r}")
            if name in own and value is None:
                build(kind, {})  # raises SettingError if a required setting is missing
            object.__setattr__(self, name, None if name in own and value == defaults(kind) else value)
