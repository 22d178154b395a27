"""Provenance: what a result depends on besides its settings (base, data, code, versions, device, threads).

Points with equal settings and equal provenance have equal results, so only one of them has to be computed.
"""

import functools
import importlib.metadata
import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from model.config import TrainConfig
from model.data_settings import DataSettings
from model.errors import BaseError, DataError
from model.pretrained.files import check_numbers, find_base, load_tokenizer
from model.pretrained.tokenizer import Tokenizer
from model.task_specs import TASKS
from model.tasks import check_tokenizer
from sweep.errors import SpaceError
from sweep.planning.commits import folder_commit, tool_commit
from sweep.planning.extensions import Extension, record, references
from sweep.planning.machine import BF16, NUMERIC_PACKAGES, PRODUCTS, Machine, split_devices, this_machine
from sweep.planning.numerics import SCHEMA_2_CODE, UNPADDED, numerics_sha256, same_numbers
from sweep.planning.plan import Point, stable_id
from sweep.planning.processor import device_name
from sweep.planning.sources import NOWHERE, Places, Source, base_name, data_name, find_base_of, find_data_of

PACKAGES = ("torch", "tokenizers", "sacrebleu", "ray", "optuna", "numpy", "pyarrow")
SPELLINGS = ("data", "data.revision", "base", "revision")  # they name files: the key holds their content instead
EARLIER_NAMES = {"code_sha256": "numerics_sha256", "git_commit": "folder_commit"}  # in run.json of earlier versions


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What every point of a run depends on besides its settings."""

    bases: dict[str, Source]  # "name@revision" -> weights, configuration and vocabulary
    data: dict[str, Source]  # "task:path" -> the data file
    numerics_sha256: str  # of the code that computes results; see numerics.py
    versions: dict[str, str]
    # The GPU's name (of unlike GPUs "A + B"), or the CPU's vector instructions: "cpu (AVX512)"; "cpu" before schema 3.
    device: str
    threads: int  # per trial; their number decides how sums are split, hence the last bits of results
    tool_commit: str | None = None  # git commit of this package; with "+" if it has uncommitted changes
    folder_commit: str | None = None  # git commit of the user's working folder, likewise
    extensions: dict[str, Extension] = field(default_factory=dict)  # by `module:name`

    def key(self, point: Point) -> str:
        """Return the cache key of `point`: equal keys mean equal results."""
        extensions = {name: self.extensions[name].sha256 for name in references(point).values()}
        return stable_id(
            {
                **self.content(point),
                "code": self.numerics_sha256,
                "versions": {name: self.versions[name] for name in NUMERIC_PACKAGES},
                "device": self.device,
                "threads": self.threads,
                **({"extensions": extensions} if extensions else {}),
                **{name: self.versions.get(name) for name in self.platform_names(point)},
            }
        )

    def platform_names(self, point: Point) -> list[str]:
        """Return which entries of a machine's platform the results of `point` depend on."""
        names = [BF16] if point.train.precision == "bf16" else []
        return names if self.base(point).sha256 == _tiny_sha256() else [*names, PRODUCTS]

    def on_each_device(self) -> Iterator["Provenance"]:
        """Yield this provenance for each of the unlike devices that trials may run on."""
        for device in split_devices(self.device):
            yield replace(self, device=device)

    def content(self, point: Point) -> dict[str, Any]:
        """Return what `point` is, however its base and data are spelled: its settings and their content."""
        return {
            "settings": {name: value for name, value in point.settings.items() if name not in SPELLINGS},
            "base": self.base(point).sha256,
            "data": self.dataset(point).sha256,
        }

    def base(self, point: Point) -> Source:
        return self.bases[base_name(point)]

    def dataset(self, point: Point) -> Source:
        return self.data[data_name(point)]

    def located(self, point: Point) -> TrainConfig:
        """Return the training settings of `point` with its base and data where they are, from any working folder."""
        base, data = self.base(point), self.dataset(point)
        return replace(
            point.train,
            base=base.place or point.train.base,
            revision=base.revision,
            data=data.place or point.train.data,
            data_settings=_at_commit(point.train.data_settings, data.revision),
        )

    @property
    def places(self) -> dict[str, str]:
        """Return the places of the user's own bases and data, by their names in this provenance."""
        sources = {**self.bases, **self.data}
        return {name: source.place for name, source in sources.items() if source.place is not None}

    def moved(self, places: Places) -> "Provenance":
        """Return this provenance with other places of its bases and data, by name."""

        def put(sources: dict[str, Source]) -> dict[str, Source]:
            return {
                name: replace(one, revision=None, place=places[name]) if name in places else one
                for name, one in sources.items()
            }

        return replace(self, bases=put(self.bases), data=put(self.data))

    def named_like(self, other: "Provenance") -> "Provenance":
        """Return this provenance with its bases and data under the names that equal content has in `other`."""

        def named(mine: dict[str, Source], theirs: dict[str, Source]) -> dict[str, Source]:
            known = {one.sha256: one for one in mine.values()}
            return {**mine, **{name: known[one.sha256] for name, one in theirs.items() if one.sha256 in known}}

        return replace(self, bases=named(self.bases, other.bases), data=named(self.data, other.data))

    def places_for(self, other: "Provenance") -> dict[str, str]:
        """Return the places of the bases and data of `other` that this provenance has found."""
        named = {**other.bases, **other.data}
        return {name: place for name, place in self.named_like(other).places.items() if name in named}

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "Provenance":
        named = {kind: {name: Source(**source) for name, source in raw[kind].items()} for kind in ("bases", "data")}
        extensions = {name: Extension(**each) for name, each in raw.get("extensions", {}).items()}
        raw = {**raw, **named, "extensions": extensions}
        for earlier, name in EARLIER_NAMES.items():
            if earlier in raw:
                raw[name] = raw.pop(earlier)
        return cls(**raw)


def trace(
    points: Sequence[Point], *, gpu: bool, threads: int, places: Places = NOWHERE, machine: Machine | None = None
) -> Provenance:
    """Find, check and hash the bases, data and extensions of `points`, and download them if needed.

    `places` says where bases and data are, by name; the others are where their settings say. `machine` is what trials
    compute with (default: this machine). Raise SpaceError if a base or data cannot be found or used.
    """
    bases: dict[str, Source] = {}
    data: dict[str, Source] = {}
    tokenizers: dict[str, Tokenizer] = {}
    extensions = record(points)
    try:
        for point in points:
            if base_name(point) not in bases:
                bases[base_name(point)], files = find_base_of(point, places)
                check_numbers(files)
                tokenizers[base_name(point)] = load_tokenizer(files)
            if data_name(point) not in data:
                data[data_name(point)] = find_data_of(point, places)
            _check_vocabulary(point, tokenizers[base_name(point)])
    except (BaseError, DataError) as error:
        raise SpaceError(str(error)) from error
    machine = machine or this_machine(gpu)
    if not machine.devices:
        raise SpaceError("--gpus-per-trial: this machine has no GPU that torch can use; leave it out to use the CPU")
    return Provenance(
        bases=bases,
        data=data,
        numerics_sha256=numerics_sha256(),
        versions={**versions(), **{name: machine.versions[name] for name in NUMERIC_PACKAGES}, **machine.platform},
        device=machine.device,
        threads=threads,
        tool_commit=tool_commit(),
        folder_commit=folder_commit(),
        extensions=extensions,
    )


def _at_commit(settings: DataSettings | None, commit: str | None) -> DataSettings | None:
    """Return the settings of data with the commit of a hub that they were found at."""
    return settings if commit is None else replace(settings or DataSettings(), revision=commit)


def _check_vocabulary(point: Point, tokenizer: Tokenizer) -> None:
    """Raise DataError if the base's tokenizer cannot express the task, or has fewer tokens than there are beams."""
    train, beams = point.train, (point.decode.beams if point.decode else None) or 0
    try:
        check_tokenizer(train.task, tokenizer, train.data_settings)
    except DataError as error:
        raise DataError(f"task {train.task} on base {train.base!r}: {error}") from error
    if beams > tokenizer.vocab_size:
        raise DataError(
            f"decode.beams: {beams} is more than the {tokenizer.vocab_size} tokens of base {train.base!r}; use fewer"
        )


def versions() -> dict[str, str]:
    """Return the versions of Python and of PACKAGES."""
    installed = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **installed}


def current_name(device: str) -> str:
    """Return the name that `device` has since schema 3; earlier runs call every processor "cpu"."""
    return str(device_name(gpu=False)) if device == "cpu" else device


def _is_read_anew(point: Point) -> bool:
    """Return whether a point may read labelled texts that earlier code read in another way."""
    train = point.train
    shipped = set(TASKS[train.task].sets) - {"qqp"}  # whose texts have no such spaces or quotation marks
    return train.task != "sonnets" and train.data is not None and train.data not in shipped


@functools.cache
def _tiny_sha256() -> str:
    """Return the hash of the base `tiny`, which has no large weights."""
    return find_base("tiny").sha256


def _is_same(before: Source | None, now: Source) -> bool:
    return before is not None and before.sha256 == now.sha256


def changes(before: Provenance, now: Provenance, points: Iterable[Point]) -> list[str]:
    """Return the names of what changed between two provenances, as far as the results of `points` depend on it.

    Bases and data that are only spelled otherwise, or moved, have not changed.
    """
    names, now = [], now.named_like(before)
    for point in points:
        if not _is_same(before.bases.get(base_name(point)), now.base(point)):
            names.append(f"base {point.train.base}")
        if not _is_same(before.data.get(data_name(point)), now.dataset(point)):
            names.append(f"data of {point.train.task}")
        if before.numerics_sha256 == SCHEMA_2_CODE and _is_read_anew(point):
            names.append(f"the way that data of {point.train.task} is read (quotation marks and spaces)")
        if before.numerics_sha256 == SCHEMA_2_CODE and point.train.optimizer == "soap":
            names.append("the form of SOAP's state in checkpoints")
        if before.numerics_sha256 in UNPADDED and not now.device.startswith("cpu") and point.train.smart is None:
            names.append("the padding of batches on a GPU")
        for name in references(point).values():
            if name not in before.extensions or before.extensions[name].sha256 != now.extensions[name].sha256:
                names.append(f"extension {name}")
        for name in now.platform_names(point):
            if (earlier := before.versions.get(name)) != (today := now.versions.get(name)):
                names.append(f"{name} ({earlier}, now {today})")
    if not same_numbers(before.numerics_sha256, now.numerics_sha256):
        names.append("numeric code (model/)")
    names += [name for name in NUMERIC_PACKAGES if before.versions.get(name) != now.versions[name]]
    if not set(split_devices(now.device)) <= set(split_devices(current_name(before.device))):
        names.append(f"device ({before.device}, now {now.device})")
    if before.threads != now.threads:
        names.append("threads")
    return list(dict.fromkeys(names))
