"""Base models: the pretrained GPT-2 that fine-tuning starts from. `model/pretrained/files.py` lists them.

Weights are read only from safetensors files, and code from a repository is never executed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import torch
from safetensors.torch import load_file
from torch import Tensor

from model.gpt2 import GPT2
from model.gpt2_config import GPT2Config, parameter_shapes
from model.pretrained.files import WEIGHTS, BaseFiles, check_numbers, find_base, load_tokenizer, read_config
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
    """Load a base by name. Raise BaseError if it cannot be found or used."""
    files = find_base(name, revision)
    check_numbers(files)
    config = read_config(files)
    return Base(files, config, load_tokenizer(files), _read_weights(files, config))


def _read_weights(files: BaseFiles, config: GPT2Config) -> dict[str, Tensor]:
    """Return the weights in fp32, by parameter name."""
    stored = load_file(files.folder / WEIGHTS)
    state = {"transformer." + name.removeprefix("transformer."): tensor for name, tensor in stored.items()}
    return {name: state[name].float() for name, _ in parameter_shapes(config)}
