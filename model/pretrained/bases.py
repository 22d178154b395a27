"""Base models: the pretrained GPT-2 that fine-tuning starts from. `model/pretrained/files.py` lists them.

Weights are read only from safetensors files, and code from a repository is never executed.
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
    """A loaded base model. `state` may be shared by several models and must not be modified."""

    files: BaseFiles
    config: GPT2Config
    tokenizer: Tokenizer = field(repr=False)
    state: Mapping[str, Tensor] = field(repr=False)

    def build(self, *, frozen: bool = False, dropout: float | None = None, device: torch.device | str = "cpu") -> GPT2:
        """Return a model with copies of the base weights, or, if `frozen`, with the shared tensors themselves.

        If given, `dropout` replaces all three dropout rates of the base's configuration.
        """
        config = self.config
        if dropout is not None:
            config = replace(config, embd_pdrop=dropout, attn_pdrop=dropout, resid_pdrop=dropout)
        state = self.state if frozen else {name: tensor.clone() for name, tensor in self.state.items()}
        model = GPT2.from_state_dict(config, state).to(device)
        return model.requires_grad_(not frozen)

    def unshare(self, parameters: Iterable[Tensor]) -> None:
        """Replace shared tensors in `parameters` by copies, so that training does not modify the base."""
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
            f"the files are not from the same model; {REMEDY}"
        )
    return Base(files, config, tokenizer, _read_weights(files, config))


def _read_weights(files: BaseFiles, config: GPT2Config) -> dict[str, Tensor]:
    """Return the weights in fp32, by parameter name. Raise BaseError if the file or a tensor cannot be used."""
    path = files.folder / WEIGHTS
    try:
        stored = load_file(path)
    except (SafetensorError, OSError) as error:
        raise BaseError(f"{path} is damaged: {error}; {how_to_renew(files)}") from error
    # Older checkpoints lack the prefix. Some also hold attention masks and the tied head, which are not parameters.
    state = {"transformer." + name.removeprefix("transformer."): tensor for name, tensor in stored.items()}
    with torch.device("meta"):
        wanted = {name: tensor.shape for name, tensor in GPT2(config).state_dict().items()}
    for name, shape in wanted.items():
        if name not in state:
            raise BaseError(
                f"{path} has no tensor {name.removeprefix('transformer.')}: it is not a complete GPT-2; {REMEDY}"
            )
        if state[name].shape != shape:
            raise BaseError(
                f"{path}: tensor {name.removeprefix('transformer.')} is {tuple(state[name].shape)}, "
                f"but {CONFIG} requires {tuple(shape)}; {REMEDY}"
            )
    return {name: state[name].float() for name in wanted}
