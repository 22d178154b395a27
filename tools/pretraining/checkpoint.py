"""Write a GPT-2 checkpoint folder in the Hugging Face format."""

import json
import shutil
import tempfile
from pathlib import Path

from safetensors.torch import save_file
from tokenizers import Tokenizer

from model.gpt2 import GPT2
from model.pretrained.folder import hugging_face_config
from tools.pretraining.vocabulary import save_vocabulary

# The default dropout rates for fine-tuning. The model is pretrained without dropout, because it is too small to
# memorize the text. Fine-tuning with 0.1 gave a higher dev loss than without dropout, at all six points of the rank
# grid.
DROPOUT = {"embd_pdrop": 0.0, "resid_pdrop": 0.0, "attn_pdrop": 0.0}


def save_checkpoint(model: GPT2, tokenizer: Tokenizer, out: Path) -> None:
    """Write config, weights and vocabulary to `out`. Each file is replaced atomically; other files are kept."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as temporary:
        folder = Path(temporary)
        save_vocabulary(tokenizer, folder)
        (folder / "config.json").write_text(json.dumps(hugging_face_config(model.config) | DROPOUT, indent=2) + "\n")
        save_file(model.state_dict(), folder / "model.safetensors", {"format": "pt"})
        for file in folder.iterdir():
            shutil.move(file, out / file.name)
