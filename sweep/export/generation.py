"""Continue prompts of the user's own with a trained model."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from model.config import DecodeConfig
from model.decoding.generate import generate
from model.errors import DataError
from sweep.errors import RunError, UsageError
from sweep.export.trained import load_trained
from sweep.store.run_folder import RunFolder


def read_prompts(given: Sequence[str]) -> list[str]:
    """Return the prompts: each text itself, or the lines of the file that it names. Raise UsageError."""
    prompts: list[str] = []
    for text in given:
        path = Path(text)
        if os.path.isfile(text):  # unlike Path.is_file, also False for texts that are too long for a name
            try:
                lines = path.read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError(f"--prompt: cannot read {path}: {error}") from error
            prompts += [line for line in lines if line.strip()]
        else:
            prompts.append(text)
    if not all(prompt.strip() for prompt in prompts) or not prompts:
        raise UsageError("--prompt: the prompt is empty; give a text, or a file with one prompt per line")
    return prompts


def continued(run: RunFolder, point_id: str | None, prompts: Sequence[str], seed: int) -> Iterator[str]:
    """Yield each prompt with its continuation. Raise RunError if the model only predicts classes."""
    trained = load_trained(run, point_id)
    if trained.labels:
        raise RunError(
            f"the models of task {trained.train.task} predict classes and generate no text: use `sweep predict`"
        )
    try:
        checked = [trained.as_prompt(prompt) for prompt in prompts]
    except DataError as error:
        raise UsageError(f"--prompt: {error}") from error
    for prompt in checked:
        yield prompt + generate(trained.model, trained.tokenizer, prompt, trained.decode or DecodeConfig(), seed=seed)
