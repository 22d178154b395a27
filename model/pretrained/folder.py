"""The configuration file of a checkpoint folder, as Hugging Face's transformers reads it."""

import dataclasses

from model.gpt2_config import GPT2Config


def hugging_face_config(config: GPT2Config) -> dict[str, object]:
    """Return the content of config.json for a GPT-2 of the given shape and dropout rates."""
    shape = dataclasses.asdict(config)
    return {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "activation_function": "gelu_new",
        **shape,
        "bos_token_id": shape["eos_token_id"],
        "tie_word_embeddings": True,
    }
