"""The definition of a run: its plan, and everything that its results depend on."""

from dataclasses import asdict, dataclass, field
from typing import Any

from sweep.planning.config import RunLimits, TuneConfig
from sweep.planning.extensions import remember
from sweep.planning.follow_up import ConfirmConfig, SettleConfig
from sweep.planning.long_texts import LongTexts
from sweep.planning.plan import Plan, Point, point_from, stable_id
from sweep.planning.provenance import SPELLINGS, Provenance
from sweep.planning.search_space import SearchSpace

# 1 has no tune_config, limits or search_space: such a run is read as a grid with fifo. 2 and 3 have no places of bases
# and data, and one commit.
SCHEMA_VERSION = 4


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """The definition of a run, as `run.json` stores it: enough to resume the run without the space file."""

    space: str  # name of the space
    space_sha256: str
    about: str  # the space file's docstring
    plan: Plan
    provenance: Provenance
    executor: str  # ray or inline
    cpus_per_trial: int
    gpus_per_trial: float
    command: list[str]
    created_at: str  # UTC, ISO 8601
    gpu_bytes: int | None = None  # the most GPU memory that the allocator of a trial may take; None: its share
    use_cache: bool = True  # whether points may be taken from earlier runs
    tune_config: TuneConfig = field(default_factory=TuneConfig)
    limits: RunLimits = field(default_factory=RunLimits)  # those of the first session
    long_texts: tuple[LongTexts, ...] = ()  # that training cuts, by data set and base
    search_space: SearchSpace | None = None  # for a search that learns (TPE); else all points are in the plan
    metric: str | None = None  # that ranks rows; None: the main metric of each row's task
    settle: SettleConfig | None = None  # for `sweep settle`: its points are added until the comparison is decided
    confirm: ConfirmConfig | None = None  # for `sweep confirm`: its points are also scored on the test split

    @property
    def probes(self) -> tuple[Point, ...]:
        """Return points that together use every base and data set that the run can need."""
        if self.settle is not None:
            return self.settle.points(0)
        return self.search_space.probes() if self.search_space else self.plan.points

    @property
    def search_id(self) -> str:
        """Return an id that is equal for runs with the same points (or search space), TuneConfig and metric."""
        space = self.search_space.as_dict(labels=False) if self.search_space else None
        return stable_id([self.plan.plan_id, asdict(self.tune_config), space, *self._further])

    @property
    def content_id(self) -> str:
        """Return an id like `search_id` that depends on the content of bases and data, not on their spelling."""
        contents = sorted(stable_id(self.provenance.content(point)) for point in self.probes)
        space = self.search_space.as_dict(without=SPELLINGS, labels=False) if self.search_space else None
        return stable_id([contents, asdict(self.tune_config), space, *self._further])

    @property
    def _further(self) -> list[Any]:
        """Return what else a run is, as far as it is not a plain run ranked by the task's main metric."""
        configs = [config.as_dict() for config in (self.settle, self.confirm) if config is not None]
        return [*configs, *([self.metric] if self.metric else [])]

    def as_dict(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "space": self.space,
            "space_sha256": self.space_sha256,
            "about": self.about,
            "provenance": self.provenance.as_dict(),
            "executor": self.executor,
            "cpus_per_trial": self.cpus_per_trial,
            "gpus_per_trial": self.gpus_per_trial,
            **({} if self.gpu_bytes is None else {"gpu_bytes": self.gpu_bytes}),
            "command": self.command,
            "created_at": self.created_at,
            "use_cache": self.use_cache,
            "tune_config": asdict(self.tune_config),
            "limits": self.limits.as_dict(),
            "long_texts": [each.as_dict() for each in self.long_texts],
            "search_space": self.search_space.as_dict() if self.search_space else None,
            "metric": self.metric,
            "settle": self.settle.as_dict() if self.settle else None,
            "confirm": self.confirm.as_dict() if self.confirm else None,
            "variants": {point.point_id: point.variant for point in self.plan.points if point.variant},
            "points": {point.point_id: point.settings for point in self.plan.points},
        }

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "RunSpec":
        content = dict(raw)
        content.pop("schema_version")
        provenance = Provenance.from_dict(content.pop("provenance"))
        remember(provenance.extensions)
        variants = content.pop("variants", {})
        points = content.pop("points").items()
        plan = Plan(tuple(point_from(settings, variants.get(point_id)) for point_id, settings in points))
        space, settle, confirm = (content.pop(name, None) for name in ("search_space", "settle", "confirm"))
        long_texts = tuple(map(LongTexts.from_dict, content.pop("long_texts", ())))
        return cls(
            plan=plan,
            provenance=provenance,
            tune_config=_tune_config(content),
            limits=RunLimits.from_dict(content.pop("limits")) if "limits" in content else RunLimits(),
            long_texts=long_texts,
            search_space=SearchSpace.from_dict(space) if space else None,
            settle=SettleConfig.from_dict(settle) if settle else None,
            confirm=ConfirmConfig.from_dict(confirm) if confirm else None,
            **content,
        )


EARLIER_NAMES = {"trials": "num_samples", "grace": "grace_period", "reduction": "reduction_factor"}  # in schema 2


def _tune_config(content: dict[str, Any]) -> TuneConfig:
    """Remove the TuneConfig from the `content` of a `run.json` and return it.

    Schema 1 has none; schema 2 calls it `strategy`.
    """
    raw: dict[str, Any] = content.pop("tune_config", None) or content.pop("strategy", {})
    return TuneConfig(**{EARLIER_NAMES.get(name, name): value for name, value in raw.items()})
