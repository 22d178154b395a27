"""A model as a GGUF file, which llama.cpp and the tools around it run.

The names and metadata are those of llama.cpp's architecture "gpt2" (ggml-org/llama.cpp, gguf-py/gguf/constants.py).
GGUF stores matrices as (outputs, inputs), so the weights of GPT-2's Conv1D layers are transposed. Matrices are rounded
to 16 bits; vectors and positions stay in 32.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from sweep.errors import RunError, UsageError
from sweep.export.trained import TrainedModel
from sweep.export.transformers_folder import merged_weights

if TYPE_CHECKING:
    from gguf import GGUFWriter

FILE = "model-f16.gguf"
OUTER = {"wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm"}
INNER = {
    "ln_1": "attn_norm",
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "ln_2": "ffn_norm",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
}


def write_gguf(trained: TrainedModel, folder: Path) -> None:
    """Write the merged model to `folder`/model-f16.gguf. Raise RunError if the model has a classifier."""
    if trained.model.classifier is not None:
        raise RunError("llama.cpp cannot run a GPT-2 with a classifier: use --format hf")
    try:
        from gguf import GGUFWriter
    except ImportError as error:
        raise UsageError("--format gguf needs the package gguf: pip install 'explora-sweep[export]'") from error
    writer = GGUFWriter(folder / FILE, "gpt2")
    _write_shape(writer, trained)
    _write_vocabulary(writer, json.loads(trained.tokenizer.bpe.to_str()), trained)
    for name, tensor in merged_weights(trained).items():
        values = tensor.T if _is_transposed(name) else tensor
        half = tensor.dim() == 2 and "wpe" not in name
        writer.add_tensor(gguf_name(name), values.to(torch.float16 if half else torch.float32).contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def gguf_name(name: str) -> str:
    """Return llama.cpp's name of a tensor: transformer.h.0.attn.c_attn.weight -> blk.0.attn_qkv.weight."""
    path, kind = name.removeprefix("transformer.").rsplit(".", 1)
    if path.startswith("h."):
        _, block, layer = path.split(".", 2)
        return f"blk.{block}.{INNER[layer]}.{kind}"
    return f"{OUTER[path]}.{kind}"


def _is_transposed(name: str) -> bool:
    return name.endswith("weight") and ".c_" in name


def _write_shape(writer: "GGUFWriter", trained: TrainedModel) -> None:
    from gguf import LlamaFileType

    config = trained.model.config
    writer.add_name(f"{trained.folder.name}-{trained.point.point_id}")
    writer.add_context_length(config.n_positions)
    writer.add_embedding_length(config.n_embd)
    writer.add_block_count(config.n_layer)
    writer.add_feed_forward_length(config.mlp_width)
    writer.add_head_count(config.n_head)
    writer.add_layer_norm_eps(config.layer_norm_epsilon)
    writer.add_file_type(LlamaFileType.MOSTLY_F16)


def _write_vocabulary(writer: "GGUFWriter", tokenizer: dict[str, Any], trained: TrainedModel) -> None:
    """Write the byte-level BPE: tokens in the order of their ids, their kinds, and the merges."""
    from gguf import TokenType

    size, eos = trained.model.config.vocab_size, trained.tokenizer.eos_id
    ids = {**tokenizer["model"]["vocab"], **{one["content"]: one["id"] for one in tokenizer["added_tokens"]}}
    special = {one["id"] for one in tokenizer["added_tokens"] if one["special"]} | {eos}
    tokens = {index: token for token, index in ids.items()}
    kinds = {index: TokenType.CONTROL if index in special else TokenType.NORMAL for index in tokens}
    merges = [one if isinstance(one, str) else " ".join(one) for one in tokenizer["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([tokens.get(index, f"[PAD{index}]") for index in range(size)])
    writer.add_token_types([kinds.get(index, TokenType.UNUSED) for index in range(size)])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(eos)
    writer.add_eos_token_id(eos)
