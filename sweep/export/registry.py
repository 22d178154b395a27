"""The formats of exports: of a trained model, and of a whole run for tools that show runs."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sweep.errors import UsageError

HF = """\
```python
from transformers import {kind}, AutoTokenizer

model = {kind}.from_pretrained("{folder}")
tokenizer = AutoTokenizer.from_pretrained("{folder}")
```"""
PEFT = """\
```python
from peft import PeftModel
from transformers import {kind}

model = {kind}.from_pretrained("{base}"{options})
model = PeftModel.from_pretrained(model, "{folder}")
```"""
GGUF = """\
```
llama-cli -m {folder}/model-f16.gguf -p "your prompt"
```"""


@dataclass(frozen=True)
class Format:
    """A format of a model. `write` is named by its module and function, so that listing formats imports no torch."""

    module: str
    write: str
    loading: str
    summary: str


FORMATS = {
    "hf": Format("sweep.export.transformers_folder", "write_transformers", HF, "a folder for transformers"),
    "peft": Format("sweep.export.adapter", "write_adapter", PEFT, "a LoRA adapter for PEFT"),
    "gguf": Format("sweep.export.gguf_file", "write_gguf", GGUF, "a GGUF file for llama.cpp, in 16 bits"),
}


@dataclass(frozen=True)
class RunFormat:
    """A format of a whole run. `write` takes the run and the path to write to, and returns what it wrote, in words."""

    module: str
    write: str
    summary: str


RUN_FORMATS = {
    "optuna": RunFormat("sweep.export.optuna_study", "write_study", "an Optuna study in an SQLite file"),
}


def check_free(folder: Path) -> None:
    """Raise UsageError if `folder` exists and is not empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"--to: {folder} is not empty; name a new or empty folder")


def whole_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary folder, then move its files to `folder`: a failed export leaves nothing behind."""
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        made = Path(temporary) / "made"
        made.mkdir()
        write(made)
        folder.mkdir(exist_ok=True)  # empty if it exists: see `check_free`
        for file in made.iterdir():
            shutil.move(file, folder / file.name)
