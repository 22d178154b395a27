"""The shape of a GPT-2. Nothing here imports torch."""

from collections.abc import Iterator
from dataclasses import dataclass

from model.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class GPT2Config(Settings):
    """The shape of a GPT-2. Fields are named as in `config.json`; the defaults are those of GPT-2 small."""

    vocab_size: int = setting(50257, unit="tokens", low=1)
    n_positions: int = setting(1024, unit="longest sequence, in tokens", low=1)
    n_embd: int = setting(768, unit="width", low=1)
    n_layer: int = setting(12, unit="blocks", low=1)
    n_head: int = setting(12, unit="attention heads, which share the width", low=1)
    n_inner: int | None = setting(None, unit="width of the MLP; None = 4 * n_embd", low=1)
    layer_norm_epsilon: float = setting(1e-5, unit="number added to a variance", above=0)
    embd_pdrop: float = setting(0.1, unit="fraction of the embedding dropped", low=0, below=1)
    attn_pdrop: float = setting(0.1, unit="fraction of the attention weights dropped", low=0, below=1)
    resid_pdrop: float = setting(0.1, unit="fraction of a block's output dropped", low=0, below=1)
    eos_token_id: int | None = setting(50256, unit="id of the end-of-text token; generation reads the tokenizer's")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_embd % self.n_head:
            raise ValueError(f"n_embd={self.n_embd} is not a multiple of n_head={self.n_head}")

    @property
    def mlp_width(self) -> int:
        return self.n_inner or 4 * self.n_embd


def parameter_shapes(config: GPT2Config) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the name and shape of each parameter, in the order of `GPT2.state_dict`."""
    width, inner = config.n_embd, config.mlp_width
    yield "transformer.wte.weight", (config.vocab_size, width)
    yield "transformer.wpe.weight", (config.n_positions, width)
    layers = {  # of a block: (inputs, outputs), or (width,) for a layer norm
        "ln_1": (width,),
        "attn.c_attn": (width, 3 * width),
        "attn.c_proj": (width, width),
        "ln_2": (width,),
        "mlp.c_fc": (width, inner),
        "mlp.c_proj": (inner, width),
    }
    for block in range(config.n_layer):
        for name, shape in layers.items():
            yield f"transformer.h.{block}.{name}.weight", shape
            yield f"transformer.h.{block}.{name}.bias", shape[-1:]
    yield "transformer.ln_f.weight", (width,)
    yield "transformer.ln_f.bias", (width,)
