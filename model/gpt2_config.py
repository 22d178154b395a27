"""The shape of a GPT-2."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class GPT2Config:
    """The shape of a GPT-2. Fields are named as in `config.json`; the defaults are those of GPT-2 small."""

    vocab_size: int = 50257  # tokens
    n_positions: int = 1024  # longest sequence, in tokens
    n_embd: int = 768  # width
    n_layer: int = 12
    n_head: int = 12
    n_inner: int | None = None  # width of the MLP; None = 4 * n_embd
    layer_norm_epsilon: float = 1e-5
    embd_pdrop: float = 0.1  # dropout rate, like the next two
    attn_pdrop: float = 0.1
    resid_pdrop: float = 0.1
    eos_token_id: int = 50256

    def __post_init__(self) -> None:
        if self.n_embd % self.n_head:
            raise ValueError(f"n_embd={self.n_embd} is not a multiple of n_head={self.n_head}")

    @property
    def mlp_width(self) -> int:
        return self.n_inner or 4 * self.n_embd
