"""Find the files of a base model, read its configuration, and check that it can be used. Nothing here imports torch.

A base is `tiny` (shipped with this package), the name of a released GPT-2, the id of any GPT-2 on a Hugging Face hub
(`owner/name`), or the path of a checkpoint folder. The Hugging Face cache, `HF_HOME`, `HF_ENDPOINT` and
`HF_HUB_OFFLINE` work as usual.
"""

import functools
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from model.errors import AbsentError, BaseError, HubError
from model.gpt2_config import GPT2Config
from model.pretrained.hub import download
from model.pretrained.tokenizer import VOCABULARY_FILES, Tokenizer, vocabulary
from model.pretrained.weights import find_mismatch, find_not_finite, read_header
from model.suggest import did_you_mean

TINY = Path(__file__).parents[1] / "assets" / "tiny"
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


@dataclass(frozen=True)
class BaseFiles:
    """The local folder of a base model. `revision` is its commit on the hub, or None if it is not from a hub."""

    name: str
    folder: Path
    revision: str | None

    @functools.cached_property
    def sha256(self) -> str:
        """The hash of all files that results depend on: configuration, weights and vocabulary."""
        digest = hashlib.sha256()
        for path in (self.folder / CONFIG, self.folder / WEIGHTS, *vocabulary(self.folder)):
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()


def find_base(name: str, revision: str | None = None) -> BaseFiles:
    """Find the base `name`; download it to the hub cache if needed. Raise BaseError if it cannot be found or used."""
    if name == "tiny" or is_folder(name):
        if revision is not None:
            raise BaseError(f"revision {revision!r} has no meaning for base {name!r}, which is not on a hub: omit it")
        files = BaseFiles(name, _checked_folder(TINY if name == "tiny" else Path(name).expanduser()), None)
        _check_header(files)
        return files
    if name not in RELEASED and not HUB_ID.fullmatch(name):
        known = ["tiny", *RELEASED]
        hint = did_you_mean(name, known)
        raise BaseError(f"unknown base {name!r}: {hint}Known: {', '.join(known)}, a hub id owner/name, or a folder")
    return _from_hub(name, RELEASED.get(name, name), revision)


def load_tokenizer(files: BaseFiles) -> Tokenizer:
    """Return the tokenizer of a base. Raise BaseError if it is missing, damaged, or has more tokens than the model."""
    try:
        tokenizer = Tokenizer.from_folder(files.folder)
    except (OSError, ValueError) as error:
        raise BaseError(f"base {files.name!r}: {error}; {how_to_renew(files)}") from error
    if tokenizer.vocab_size > (known := read_config(files).vocab_size):
        raise BaseError(
            f"base {files.name!r}: its tokenizer has {tokenizer.vocab_size} tokens, its model {known}; "
            f"the files in {files.folder} are not from the same model; {REMEDY}"
        )
    return tokenizer


def check_numbers(files: BaseFiles) -> None:
    """Raise BaseError if a weight of a base is not a finite number. This reads the whole file."""
    path = files.folder / WEIGHTS
    with _damage(files, path):
        name = find_not_finite(path, read_header(path))
    if name is not None:
        raise BaseError(f"{path}: tensor {name} holds a number that is not finite; {how_to_renew(files)}")


def _check_header(files: BaseFiles) -> None:
    """Raise BaseError if the weights of a base are damaged or not those of its configuration."""
    path, config = files.folder / WEIGHTS, read_config(files)
    with _damage(files, path):
        mismatch = find_mismatch(read_header(path), config)
    if mismatch is not None:
        raise BaseError(f"{path} {mismatch}; {REMEDY}")


@contextmanager
def _damage(files: BaseFiles, path: Path) -> Iterator[None]:
    """Raise BaseError for errors in reading `path`."""
    try:
        yield
    except (OSError, ValueError, TypeError, ArithmeticError, RecursionError, SafetensorError) as error:
        raise BaseError(f"{path} is damaged: {error}; {how_to_renew(files)}") from error


def is_folder(name: str) -> bool:
    """Return whether `name` is a local folder. A folder named tiny must be written ./tiny."""
    return name != "tiny" and (name.startswith((".", "/", "~")) or Path(name).is_dir())


def _checked_folder(folder: Path) -> Path:
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise BaseError(
                f"{folder} is not a checkpoint folder: it has no {name} (weights are read from safetensors only)"
            )
    return folder


def _from_hub(name: str, hub_id: str, revision: str | None) -> BaseFiles:
    """Download the files of a hub repository, all from one commit. Raise BaseError if one is not available."""
    try:
        config = _download(hub_id, CONFIG, revision)
        files = BaseFiles(name, config.parent, config.parent.name)  # the cache keeps them in snapshots/<commit>/
        read_config(files)  # reject other kinds of model before downloading gigabytes
        _download(hub_id, WEIGHTS, files.revision)
        _check_header(files)
        try:
            _download(hub_id, "tokenizer.json", files.revision)
        except AbsentError:
            for file in VOCABULARY_FILES[0]:
                _download(hub_id, file, files.revision)
    except HubError as error:
        raise BaseError(f"base {name!r}: {error}") from error
    return files


def _download(hub_id: str, file: str, revision: str | None) -> Path:
    choose = f"choose a GPT-2 repository that has {CONFIG}, {WEIGHTS} and a tokenizer"
    return download(hub_id, file, revision, kind="model", copy="give the folder of a copy as base", choose=choose)


def read_config(files: BaseFiles) -> GPT2Config:
    """Return the configuration of the model. Raise BaseError if the file is damaged or not that of a GPT-2."""
    path = files.folder / CONFIG
    with _damage(files, path):
        raw: dict[str, Any] = dict(json.loads(path.read_text()))
        config = GPT2Config(**{field.name: raw[field.name] for field in fields(GPT2Config) if field.name in raw})
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
        raise BaseError(f"{path} does not have model_type gpt2: it is not a GPT-2 checkpoint; {REMEDY}")
    return config


def how_to_renew(files: BaseFiles) -> str:
    """Return how to fix damaged files of a base, as the end of an error message."""
    if files.revision is None:
        return "put a good copy there"
    # Snapshots hold links to blobs. Deleting only the link to a damaged blob would just link that blob again.
    return f"delete the folder {files.folder.parents[1]} and run again, it is then downloaded anew"
