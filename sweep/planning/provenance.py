"""Provenance: what a result depends on besides its settings (base, data, code, versions, device, threads).

Points with equal settings and equal provenance have equal results, so only one of them has to be computed.
"""

import importlib.metadata
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from model.errors import BaseError, DataError
from model.pretrained.files import check_numbers, find_base, load_tokenizer
from model.pretrained.tokenizer import Tokenizer
from model.task_specs import TASKS
from model.tasks import check_tokenizer, find_data
from sweep.errors import SpaceError
from sweep.planning.extensions import Extension, record, references
from sweep.planning.numerics import EARLIER_HASHES, numerics_sha256, same_numbers
from sweep.planning.plan import Point, stable_id
from sweep.planning.processor import device_name

PACKAGES = ("torch", "tokenizers", "sacrebleu", "ray", "optuna", "numpy", "pyarrow")
SPELLINGS = ("data", "base", "revision")  # settings that name files: the key holds their content instead
NUMERIC_PACKAGES = ("torch", "tokenizers", "sacrebleu")  # those that can change a result


@dataclass(frozen=True)
class Source:
    """A base or data file. `revision` is its commit on the hub, or None if it did not come from one."""

    sha256: str
    revision: str | None = None


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What every point of a run depends on besides its settings."""

    bases: dict[str, Source]  # "name@revision" -> weights, configuration and vocabulary
    data: dict[str, Source]  # "task:path" -> the data file
    numerics_sha256: str  # of the code that computes results; see numerics.py
    versions: dict[str, str]
    device: str  # the GPU's name, or the CPU's vector instructions: "cpu (AVX512)"; "cpu" in runs before schema 3
    threads: int  # per trial; their number decides how sums are split, hence the last bits of results
    git_commit: str | None = None  # of the working folder; with "+" if it has uncommitted changes
    extensions: dict[str, Extension] = field(default_factory=dict)  # by `module:name`

    def key(self, point: Point) -> str:
        """Return the cache key of `point`: equal keys mean equal results."""
        extensions = {name: self.extensions[name].sha256 for name in references(point).values()}
        return stable_id(
            {
                "settings": {name: value for name, value in point.settings.items() if name not in SPELLINGS},
                "base": self.base(point).sha256,
                "data": self.dataset(point).sha256,
                "code": self.numerics_sha256,
                "versions": {name: self.versions[name] for name in NUMERIC_PACKAGES},
                "device": self.device,
                "threads": self.threads,
                **({"extensions": extensions} if extensions else {}),
            }
        )

    def base(self, point: Point) -> Source:
        return self.bases[base_name(point)]

    def dataset(self, point: Point) -> Source:
        return self.data[data_name(point)]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "Provenance":
        named = {kind: {name: Source(**source) for name, source in raw[kind].items()} for kind in ("bases", "data")}
        extensions = {name: Extension(**each) for name, each in raw.get("extensions", {}).items()}
        raw = {**raw, **named, "extensions": extensions}
        if "code_sha256" in raw:  # before schema 3
            raw["numerics_sha256"] = raw.pop("code_sha256")
        return cls(**raw)


def base_name(point: Point) -> str:
    return f"{point.train.base}@{point.train.revision or ''}"


def data_name(point: Point) -> str:
    return f"{point.train.task}:{point.train.data or ''}"


def trace(points: Sequence[Point], *, gpu: bool, threads: int) -> Provenance:
    """Find, check and hash the bases, data and extensions of `points`, and download them if needed.

    Raise SpaceError if one cannot be found or used.
    """
    bases: dict[str, Source] = {}
    data: dict[str, Source] = {}
    tokenizers: dict[str, Tokenizer] = {}
    try:
        extensions = record(points)
        for point in points:
            if base_name(point) not in bases:
                files = find_base(point.train.base, point.train.revision)
                check_numbers(files)
                bases[base_name(point)] = Source(files.sha256, files.revision)
                tokenizers[base_name(point)] = load_tokenizer(files)
            if data_name(point) not in data:
                data[data_name(point)] = Source(find_data(point.train.task, point.train.data).sha256())
            _check_vocabulary(point, tokenizers[base_name(point)])
    except (BaseError, DataError) as error:
        raise SpaceError(str(error)) from error
    return Provenance(
        bases=bases,
        data=data,
        numerics_sha256=numerics_sha256(),
        versions=versions(),
        device=_device(gpu),
        threads=threads,
        git_commit=git_commit(),
        extensions=extensions,
    )


def _check_vocabulary(point: Point, tokenizer: Tokenizer) -> None:
    """Raise DataError if the base's tokenizer cannot express the task, or has fewer tokens than there are beams."""
    train, beams = point.train, (point.decode.beams if point.decode else None) or 0
    try:
        check_tokenizer(train.task, tokenizer)
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


def git_commit() -> str | None:
    """Return the commit of the working folder, with "+" if tracked files were changed; None outside a checkout."""
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return None
    return commit + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")


def _git(*arguments: str) -> str | None:
    try:
        result = subprocess.run(
            ["git", "--no-optional-locks", *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()


def _device(gpu: bool) -> str:
    """Return the name of the device that trials run on. Raise SpaceError if `gpu` and there is none."""
    name = device_name(gpu)
    if name is None:
        raise SpaceError("--gpus-per-trial: this machine has no GPU that torch can use; leave it out to use the CPU")
    return name


def current_name(device: str) -> str:
    """Return the name that `device` has since schema 3; earlier runs call every processor "cpu"."""
    return str(device_name(gpu=False)) if device == "cpu" else device


def _is_read_anew(point: Point) -> bool:
    """Return whether a point may read labelled texts that earlier code read in another way."""
    train = point.train
    shipped = set(TASKS[train.task].sets) - {"qqp"}  # whose texts have no such spaces or quotation marks
    return train.task != "sonnets" and train.data is not None and train.data not in shipped


def changes(before: Provenance, now: Provenance, points: Iterable[Point]) -> list[str]:
    """Return the names of what changed between two provenances, as far as the results of `points` depend on it."""
    names = []
    for point in points:
        if before.bases.get(base_name(point)) != now.base(point):
            names.append(f"base {point.train.base}")
        if before.data.get(data_name(point)) != now.data[data_name(point)]:
            names.append(f"data of {point.train.task}")
        if before.numerics_sha256 in EARLIER_HASHES and _is_read_anew(point):
            names.append(f"the way that data of {point.train.task} is read (quotation marks and spaces)")
        if before.numerics_sha256 in EARLIER_HASHES and point.train.optimizer == "soap":
            names.append("the form of SOAP's state in checkpoints")
        for name in references(point).values():
            if name not in before.extensions or before.extensions[name].sha256 != now.extensions[name].sha256:
                names.append(f"extension {name}")
    if not same_numbers(before.numerics_sha256, now.numerics_sha256):
        names.append("numeric code (model/)")
    names += [name for name in NUMERIC_PACKAGES if before.versions.get(name) != now.versions[name]]
    if current_name(before.device) != now.device:
        names.append(f"device ({before.device}, now {now.device})")
    if before.threads != now.threads:
        names.append("threads")
    return list(dict.fromkeys(names))
