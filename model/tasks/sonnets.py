"""Sonnets: continue a Shakespeare sonnet from its first three lines.

The shipped file and the course's file look alike: a header, then for each sonnet its number on a line of its own
and its lines. The text of sonnet 18 that a model sees is

    Shall I compare thee to a summer's day?
    Thou art more lovely and more temperate:
    ...

without indentation, closed by the end-of-text token. In order, the first 124 of 154 are for training, 15 for
development, 15 for testing; another file is split in the same proportions.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from model.config import DecodeConfig, Scalar
from model.decoding import generate
from model.gpt2 import GPT2
from model.loss import IGNORE
from model.metrics import corpus_chrf, sentence_chrf
from model.tasks import Batch, DataError, Evaluation
from model.tokenizer import Tokenizer

SHIPPED = Path(__file__).parents[1] / "assets" / "sonnets" / "sonnets.txt"
NUMBER = re.compile(r"^[ \t]*\d+\.?[ \t]*$", re.MULTILINE)
PROMPT_LINES = 3
HELD_OUT = 15 / 154  # share of the development split, and of the test split


@dataclass(frozen=True)
class Sonnet:
    """One sonnet as the task uses it. `prompt` ends with a line break; prompt + rest is the whole text."""

    prompt: str
    rest: str

    @property
    def text(self) -> str:
        return self.prompt + self.rest


def parse(text: str) -> list[Sonnet]:
    """Every numbered sonnet of `text`. One too short to have a line behind its prompt is left out."""
    bodies = NUMBER.split(text.replace("\r\n", "\n"))[1:]  # what stands before the first number is a header
    lines = ([line.strip() for line in body.split("\n") if line.strip()] for body in bodies)
    return [
        Sonnet("\n".join(sonnet[:PROMPT_LINES]) + "\n", "\n".join(sonnet[PROMPT_LINES:]))
        for sonnet in lines
        if len(sonnet) > PROMPT_LINES
    ]


def split(sonnets: Sequence[Sonnet]) -> dict[str, list[Sonnet]]:
    """Training, development and test sonnets, in order; 154 give 124, 15 and 15."""
    held = max(1, round(len(sonnets) * HELD_OUT))
    train = len(sonnets) - 2 * held
    return {
        "train": [*sonnets[:train]],
        "dev": [*sonnets[train : train + held]],
        "test": [*sonnets[train + held :]],
    }


def data_files(data: str | None) -> list[Path]:
    """The file `data`, or the shipped one; it need not exist. Raises DataError where it cannot be looked for."""
    path = SHIPPED if data is None else Path(data).expanduser()
    if not path.exists():
        raise DataError(f"cannot read the sonnets in {path}: No such file or directory; give the path of a text file")
    return [path]


def read(data: str | None) -> tuple[list[Sonnet], str]:
    """The sonnets of the file `data` (None = shipped) and the file's SHA-256. Raises DataError."""
    (path,) = data_files(data)
    try:
        raw = path.read_bytes()
        sonnets = parse(raw.decode("utf-8-sig"))
    except OSError as error:
        raise DataError(f"cannot read the sonnets in {path}: {error.strerror}; give the path of a text file") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    if len(sonnets) < 3:
        raise DataError(
            f"{path} holds {len(sonnets)} numbered sonnets, but each split needs one; "
            "put each sonnet's number on a line of its own before its lines"
        )
    return sonnets, hashlib.sha256(raw).hexdigest()


def data_sha256(data: str | None) -> str:
    """SHA-256 of the data file. Raises DataError where it cannot be used."""
    return read(data)[1]


def train_size(data: str | None) -> int:
    """Sonnets to train on. Raises DataError."""
    return len(split(read(data)[0])["train"])


def check_tokenizer(tokenizer: Tokenizer) -> None:
    """Every vocabulary will do."""


class Task:
    """The sonnet task, tokenized; sequences longer than `max_tokens` are cut there."""

    def __init__(self, data: str | None, tokenizer: Tokenizer, max_tokens: int) -> None:
        sonnets, self.data_sha256 = read(data)
        self.tokenizer = tokenizer
        self.classes = None
        self.splits = split(sonnets)
        self.ids = {
            name: [[*tokenizer.encode(sonnet.text), tokenizer.eos_id][: max_tokens + 1] for sonnet in part]
            for name, part in self.splits.items()
        }

    def size(self, split: str) -> int:
        return len(self.ids[split])

    def batches(self, split: str, order: Sequence[int], batch_size: int) -> Iterator[Batch]:
        """Causal language modelling: the target at each position is the next token, padding has none."""
        for start in range(0, len(order), batch_size):
            rows = [self.ids[split][index] for index in order[start : start + batch_size]]
            longest = max(map(len, rows)) - 1
            inputs = torch.full((len(rows), longest), self.tokenizer.eos_id)
            targets = torch.full((len(rows), longest), IGNORE)
            for row, ids in enumerate(rows):
                inputs[row, : len(ids) - 1] = torch.tensor(ids[:-1])
                targets[row, : len(ids) - 1] = torch.tensor(ids[1:])
            yield Batch(inputs, targets)

    def evaluate(self, model: GPT2, split: str, decode: DecodeConfig | None, seed: int) -> Evaluation:
        """Continue every prompt of `split`.

        `chrf` compares whole texts, prompt included: the paper's protocol, and flattering, since the prompt is
        given. `chrf_new` compares the generated lines with the true ones alone.
        """
        sonnets = self.splits[split]
        generated = generate(model, self.tokenizer, [sonnet.prompt for sonnet in sonnets], decode, seed=seed)
        whole = [sonnet.prompt + new for sonnet, new in zip(sonnets, generated, strict=True)]
        metrics = {
            "chrf": corpus_chrf(whole, [sonnet.text for sonnet in sonnets]),
            "chrf_new": corpus_chrf(generated, [sonnet.rest for sonnet in sonnets]),
        }
        samples: list[dict[str, Scalar]] = [
            {
                "example": example,
                "prompt": sonnet.prompt,
                "generated": new,
                "reference": sonnet.rest,
                "chrf": sentence_chrf(sonnet.prompt + new, sonnet.text),
                "chrf_new": sentence_chrf(new, sonnet.rest),
            }
            for example, (sonnet, new) in enumerate(zip(sonnets, generated, strict=True))
        ]
        return Evaluation(metrics, samples)
