"""A model as a folder that transformers loads: `AutoModelForCausalLM` or `AutoModelForSequenceClassification`.

transformers' GPT-2 has the parameter names and layouts of `model.gpt2.GPT2`. Trained adapters are merged into the
weights. A classifier becomes `score`, which reads the last token that is not padding, as the tasks here do.
"""

import json
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from model.config import DecodeConfig
from model.gpt2_config import parameter_shapes
from model.methods.registry import METHODS
from model.pretrained.folder import hugging_face_config
from sweep.errors import RunError
from sweep.export.trained import TrainedModel


def write_transformers(trained: TrainedModel, folder: Path) -> None:
    """Write configuration, weights, tokenizer and generation settings to `folder`, which exists."""
    save_file(merged_weights(trained), folder / "model.safetensors", {"format": "pt"})
    write_json(folder / "config.json", _config(trained))
    write_tokenizer(trained, folder)
    if trained.decode is not None:
        write_json(folder / "generation_config.json", generation_config(trained.decode, trained.tokenizer.eos_id))


def merged_weights(trained: TrainedModel) -> dict[str, Tensor]:
    """Return the weights under transformers' names, adapters merged. The model stays merged.

    Raise RunError if a PEFT method leaves tensors that a GPT-2 does not have.
    """
    model, method = trained.model, trained.train.peft_name
    if method is not None:
        METHODS[method].merge(model)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    if model.classifier is not None:
        state["score.weight"] = state.pop("classifier.weight")
    known = {name for name, _ in parameter_shapes(model.config)} | {"score.weight"}
    if extra := sorted(set(state) - known):
        raise RunError(f"{method} leaves the tensor {extra[0]} after merging, which transformers cannot load")
    return state


def generation_config(decode: DecodeConfig, eos_id: int) -> dict[str, Any]:
    """Return transformers' generation settings for `decode`, as far as it knows them."""
    settings: dict[str, Any] = {
        "bos_token_id": eos_id,
        "eos_token_id": eos_id,
        "pad_token_id": eos_id,
        "max_new_tokens": decode.max_new_tokens,
        "do_sample": decode.draws and decode.top_k != 1,
    }
    if settings["do_sample"]:
        settings |= {"temperature": decode.temperature, "top_p": decode.top_p or 1.0, "top_k": decode.top_k or 0}
    if decode.beams is not None:
        penalty = 1.0 if decode.rank_by == "mean" else 0.0
        settings |= {"num_beams": decode.beams, "length_penalty": penalty, "early_stopping": "never"}
    return settings


def write_tokenizer(trained: TrainedModel, folder: Path) -> None:
    """Write the tokenizer in the form that `AutoTokenizer` reads."""
    from model.pretrained.tokenizer import END_OF_TEXT

    trained.tokenizer.bpe.save(str(folder / "tokenizer.json"))
    special = {f"{kind}_token": END_OF_TEXT for kind in ("bos", "eos", "unk", "pad")}
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": trained.model.config.n_positions,
            "clean_up_tokenization_spaces": False,
            **special,
        },
    )


def write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _config(trained: TrainedModel) -> dict[str, Any]:
    config = hugging_face_config(trained.model.config)
    config |= {"pad_token_id": trained.tokenizer.eos_id, "dtype": "float32"}
    if labels := trained.labels:
        config |= {
            "architectures": ["GPT2ForSequenceClassification"],
            "id2label": {str(index): name for index, name in enumerate(labels)},
            "label2id": {name: index for index, name in enumerate(labels)},
        }
    return config
