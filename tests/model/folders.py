"""Writes small checkpoint folders in the Hugging Face layout, and a small file of sonnets."""

import json
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from tokenizers import AddedToken, decoders, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as BPE

from model.gpt2 import GPT2
from model.gpt2_config import GPT2Config
from model.pretrained.tokenizer import END_OF_TEXT
from model.rng import generator

SHAPE = GPT2Config(vocab_size=300, n_positions=256, n_embd=24, n_layer=2, n_head=3, attn_pdrop=0.1, eos_token_id=299)
VERSE = "the rose of summer fades and time will take what love has lent to thee my sweet"
WORDS = VERSE.split()


def sonnets_text(count: int = 12) -> str:
    """`count` numbered poems of six lines; no two are alike."""
    poems = []
    for poem in range(count):
        lines = [
            " ".join(WORDS[(poem * (line + 1) + 3 * line + n) % len(WORDS)] for n in range(4)) for line in range(6)
        ]
        poems.append(f"{poem + 1}\n\n" + "\n".join(lines) + "\n")
    return "A HEADER\n\n" + "\n".join(poems)


def byte_level_bpe(size: int = SHAPE.vocab_size) -> BPE:
    """GPT-2's kind of tokenizer, trained on the small sonnets; end of text is the last of `size` tokens."""
    bpe = BPE(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size - 1, initial_alphabet=alphabet, show_progress=False)
    bpe.train_from_iterator([sonnets_text()], trainer)
    bpe.add_special_tokens([AddedToken(END_OF_TEXT, normalized=False)])
    assert bpe.token_to_id(END_OF_TEXT) == size - 1
    return bpe


def random_model(config: GPT2Config = SHAPE, seed: int = 0, gain: float = 5) -> GPT2:
    """Weights `gain` times GPT-2's initial ones, biases and norms perturbed too, so that every mistake shows."""
    model = GPT2(config)
    model.init_weights(generator(seed, "init"))
    noise = generator(seed, "noise")
    for parameter in model.parameters():
        parameter.data.mul_(gain).add_(0.1 * parameter.data.clone().normal_(generator=noise))
    return model.eval()


def write_base(folder: Path, model: GPT2 | None = None, **changes: Any) -> Path:
    """A checkpoint folder of `model`; `changes` go into its config.json."""
    model = model or random_model(gain=1)
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_type": "gpt2", "activation_function": "gelu_new", **vars(model.config), **changes}
    (folder / "config.json").write_text(json.dumps(config))
    save_file(dict(model.state_dict()), folder / "model.safetensors", metadata={"format": "pt"})
    byte_level_bpe().save(str(folder / "tokenizer.json"))
    return folder


def write_vocabulary_pair(folder: Path) -> None:
    """Put vocab.json and merges.txt into `folder` in place of its tokenizer.json."""
    bpe = BPE.from_file(str(folder / "tokenizer.json"))
    bpe.model.save(str(folder))
    (folder / "vocab.json").write_text(json.dumps(bpe.get_vocab(with_added_tokens=True)))
    (folder / "tokenizer.json").unlink()
