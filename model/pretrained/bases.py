"""Bases: the pretrained GPT-2 that a training starts from (model/pretrained/files.py lists them).

Weights are read from safetensors only and no code of a repository is ever run.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from model.errors import BaseError
from model.gpt2 import GPT2
from model.gpt2_config import GPT2Config
from model.pretrained.files import (
    CONFIG,
    REMEDY,
    WEIGHTS,
    BaseFiles,
    find_base,
    how_to_renew,
    load_tokenizer,
    read_config,
)
from model.pretrained.tokenizer import Tokenizer


@dataclass(frozen=True)
class Base:
    """A loaded base. `state` is shared by every model made from it and must never be written to."""

    files: BaseFiles
    config: GPT2Config
    tokenizer: Tokenizer = field(repr=False)
    state: Mapping[str, Tensor] = field(repr=False)

    def build(self, *, frozen: bool = False, dropout: float | None = None, device: torch.device | str = "cpu") -> GPT2:
        """Return a model with copies of this base's weights, or with `frozen` the shared tensors themselves.

        `dropout` replaces the three dropout rates of the base's own configuration.
        """
        config = self.config
        if dropout is not None:
            config = replace(config, embd_pdrop=dropout, attn_pdrop=dropout, resid_pdrop=dropout)
        state = self.state if frozen else {name: tensor.clone() for name, tensor in self.state.items()}
        model = GPT2.from_state_dict(config, state).to(device)
        return model.requires_grad_(not frozen)

    def unshare(self, parameters: Iterable[Tensor]) -> None:
        """Copy those of `parameters` that are tensors of this base, so that training them leaves the base alone."""
        shared = {tensor.data_ptr() for tensor in self.state.values()}
        for parameter in parameters:
            if parameter.data_ptr() in shared:
                parameter.data = parameter.data.clone()


def load_base(name: str = "tiny", revision: str | None = None) -> Base:
    """Load a base by name. Raise BaseError if it cannot be found or read."""
    files = find_base(name, revision)
    config = read_config(files)
    tokenizer = load_tokenizer(files)
    if tokenizer.vocab_size > config.vocab_size:
        raise BaseError(
            f"base {name!r}: its tokenizer has {tokenizer.vocab_size} tokens, its model {config.vocab_size}; "
            f"the files do not belong together; {REMEDY}"
        )
    return Base(files, config, tokenizer, _read_weights(files, config))


def _read_weights(files: BaseFiles, config: GPT2Config) -> dict[str, Tensor]:
    """Return the parameters by our names, fp32. Raise BaseError for a damaged file or a missing or misshapen tensor."""
    path = files.folder / WEIGHTS
    try:
        stored = load_file(path)
    except (SafetensorError, OSError) as error:
        raise BaseError(f"{path} is damaged: {error}; {how_to_renew(files)}") from error
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
