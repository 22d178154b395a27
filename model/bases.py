"""Bases: the pretrained GPT-2 that a training starts from.

`load_base(name)` takes `tiny` (shipped with this package), the name of a released GPT-2, the id of any GPT-2 on a
Hugging Face hub (`owner/name`), or the path of a checkpoint folder. Weights are read from safetensors only and no
code of a repository is ever run. Hub caches, `HF_HOME`, `HF_ENDPOINT` and `HF_HUB_OFFLINE` work as everywhere.
"""

import difflib
import functools
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from model.gpt2 import GPT2, GPT2Config
from model.hub import AbsentError, HubError, download
from model.tokenizer import VOCABULARY_FILES, Tokenizer

TINY = Path(__file__).parent / "assets" / "tiny"
RELEASED = {  # name -> hub id
    "gpt2": "openai-community/gpt2",
    "gpt2-medium": "openai-community/gpt2-medium",
    "gpt2-large": "openai-community/gpt2-large",
    "gpt2-xl": "openai-community/gpt2-xl",
    "distilgpt2": "distilbert/distilgpt2",
}
CONFIG, WEIGHTS = "config.json", "model.safetensors"
REMEDY = "choose another base, or mend the files"
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


class BaseError(ValueError):
    """A base that cannot be had. The message names the file or repository and the remedy."""


class MissingFileError(BaseError):
    """A file that a repository of the hub lacks, or its cache while the hub is out of reach."""


@dataclass(frozen=True)
class BaseFiles:
    """Where a base lies on this disk. `revision` is the hub's commit, None off the hub."""

    name: str
    folder: Path
    revision: str | None

    @functools.cached_property
    def sha256(self) -> str:
        """Hash of everything that shapes results: configuration, weights and vocabulary."""
        digest = hashlib.sha256()
        names = [CONFIG, WEIGHTS, "tokenizer.json", *(name for pair in VOCABULARY_FILES for name in pair)]
        for path in (self.folder / name for name in names):
            if path.exists():
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()


@dataclass(frozen=True)
class Base:
    """A loaded base. `state` is shared by every model made from it and must never be written to."""

    files: BaseFiles
    config: GPT2Config
    tokenizer: Tokenizer = field(repr=False)
    state: Mapping[str, Tensor] = field(repr=False)

    def build(self, *, frozen: bool = False, dropout: float | None = None, device: torch.device | str = "cpu") -> GPT2:
        """A model with this base's weights: copies, or with `frozen` the shared tensors themselves.

        `dropout` replaces the three dropout rates of the base's own configuration.
        """
        config = self.config
        if dropout is not None:
            config = replace(config, embd_pdrop=dropout, attn_pdrop=dropout, resid_pdrop=dropout)
        state = self.state if frozen else {name: tensor.clone() for name, tensor in self.state.items()}
        model = GPT2.from_state_dict(config, state).to(device)
        return model.requires_grad_(not frozen)


def find_base(name: str, revision: str | None = None) -> BaseFiles:
    """Locate `name`, downloading it into the hub's cache where needed. Raises BaseError."""
    if name == "tiny" or _is_path(name):
        if revision is not None:
            raise BaseError(
                f"revision {revision!r} has no meaning for base {name!r}, which is not on a hub: leave it out"
            )
        files = BaseFiles(name, _checked_folder(TINY if name == "tiny" else Path(name).expanduser()), None)
        _read_config(files)
        return files
    if name not in RELEASED and not HUB_ID.fullmatch(name):
        known = ["tiny", *RELEASED]
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise BaseError(f"unknown base {name!r}: {hint}Known: {', '.join(known)}, a hub id owner/name, or a folder")
    return _from_hub(name, RELEASED.get(name, name), revision)


def load_base(name: str = "tiny", revision: str | None = None) -> Base:
    """Load a base by name (see the top of this file). Raises BaseError, with the remedy, where that fails."""
    files = find_base(name, revision)
    config = _read_config(files)
    tokenizer = load_tokenizer(files)
    if tokenizer.vocab_size > config.vocab_size:
        raise BaseError(
            f"base {name!r}: its tokenizer has {tokenizer.vocab_size} tokens, its model {config.vocab_size}; "
            f"the files do not belong together; {REMEDY}"
        )
    return Base(files, config, tokenizer, _read_weights(files, config))


def load_tokenizer(files: BaseFiles) -> Tokenizer:
    """The tokenizer of a base. Raises BaseError where it is missing or damaged."""
    try:
        return Tokenizer.from_folder(files.folder)
    except (OSError, ValueError) as error:
        raise BaseError(f"base {files.name!r}: {error}; {_renewal(files)}") from error


def _is_path(name: str) -> bool:
    return name.startswith((".", "/", "~")) or Path(name).is_dir()


def _checked_folder(folder: Path) -> Path:
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise BaseError(
                f"{folder} is not a checkpoint folder: it has no {name} (weights are read from safetensors only)"
            )
    return folder


def _from_hub(name: str, hub_id: str, revision: str | None) -> BaseFiles:
    """Download the files of a hub repository. All of them come from one commit, the one `config.json` came from."""
    config = _download(name, hub_id, CONFIG, revision)
    files = BaseFiles(name, config.parent, config.parent.name)  # the cache keeps them in snapshots/<commit>/
    _read_config(files)  # refuse another kind of model before gigabytes of it are fetched
    _download(name, hub_id, WEIGHTS, files.revision)
    try:
        _download(name, hub_id, "tokenizer.json", files.revision)
    except MissingFileError:
        for file in VOCABULARY_FILES[0]:
            _download(name, hub_id, file, files.revision)
    return files


def _download(name: str, hub_id: str, file: str, revision: str | None) -> Path:
    """One file of a repository, from the cache where it is there. Raises BaseError."""
    choose = f"choose a GPT-2 repository that has {CONFIG}, {WEIGHTS} and a tokenizer"
    try:
        return download(hub_id, file, revision, kind="model", copy="give the folder of a copy as base", choose=choose)
    except AbsentError as error:
        raise MissingFileError(f"base {name!r}: {error}") from error
    except HubError as error:
        raise BaseError(f"base {name!r}: {error}") from error


def _read_config(files: BaseFiles) -> GPT2Config:
    """The shape of the model. Raises BaseError where it is damaged or that of something other than a GPT-2."""
    path = files.folder / CONFIG
    try:
        raw: dict[str, Any] = dict(json.loads(path.read_text()))
        known = {field.name: raw[field.name] for field in fields(GPT2Config) if field.name in raw}
        for name, value in known.items():
            if not isinstance(value, int | float | None):
                raise TypeError(f"{name} is {value!r}")
        config = GPT2Config(**known)
    except (OSError, ValueError, TypeError, ArithmeticError) as error:
        raise BaseError(f"{path} is damaged: {error}; {_renewal(files)}") from error
    expected = {
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "tie_word_embeddings": True,
    }
    for key, value in expected.items():
        if raw.get(key, value) != value:
            raise BaseError(
                f"{path} is not a GPT-2 that this project can run: {key} is {raw[key]!r}, not {value!r}; {REMEDY}"
            )
    if "model_type" not in raw:
        raise BaseError(f"{path} does not say model_type gpt2: it is not a GPT-2 checkpoint; {REMEDY}")
    return config


def _read_weights(files: BaseFiles, config: GPT2Config) -> dict[str, Tensor]:
    """Parameters by our names, fp32. Raises BaseError for a damaged file and for a missing or misshapen tensor."""
    path = files.folder / WEIGHTS
    try:
        stored = load_file(path)
    except (SafetensorError, OSError) as error:
        raise BaseError(f"{path} is damaged: {error}; {_renewal(files)}") from error
    # Older checkpoints lack the prefix; the attention masks and the tied head that some carry are no parameters.
    state = {"transformer." + name.removeprefix("transformer."): tensor for name, tensor in stored.items()}
    with torch.device("meta"):
        wanted = {name: tensor.shape for name, tensor in GPT2(config).state_dict().items()}
    for name, shape in wanted.items():
        if name not in state:
            raise BaseError(
                f"{path} has no tensor {name.removeprefix('transformer.')}: it is not a whole GPT-2; {REMEDY}"
            )
        if state[name].shape != shape:
            raise BaseError(
                f"{path}: tensor {name.removeprefix('transformer.')} is {tuple(state[name].shape)}, "
                f"but {CONFIG} asks for {tuple(shape)}; {REMEDY}"
            )
    return {name: state[name].float() for name in wanted}


def _renewal(files: BaseFiles) -> str:
    if files.revision is None:
        return "put a good copy there"
    # A snapshot is links to blobs: a damaged blob whose link alone was deleted would only be linked again.
    return f"delete the folder {files.folder.parents[1]} and run again, it is then downloaded anew"
