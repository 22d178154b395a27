"""Trains a byte-level BPE vocabulary like GPT-2's: same pre-tokenization, no prefix space, end of text as last id."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from model.pretrained.tokenizer import END_OF_TEXT

# Tasks that answer with one token need each of these to be a single token. They are added to the training text many
# times, so the result is still an ordinary BPE.
WANTED = ("yes", " yes", "no", " no", "Answer", " Answer", " paraphrase")
WANTED_COUNT = 100_000


def train_vocabulary(texts: Iterable[str], size: int) -> Tokenizer:
    """Train a vocabulary of `size` tokens, end of text included."""
    learner = _byte_level(models.BPE())
    learner.train_from_iterator(
        _with_wanted(texts),
        trainers.BpeTrainer(
            vocab_size=size - 1, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
        ),
    )
    learned = json.loads(learner.to_str())["model"]
    vocabulary = {**learned["vocab"], END_OF_TEXT: len(learned["vocab"])}
    tokenizer = _byte_level(models.BPE(vocab=vocabulary, merges=[tuple(pair) for pair in learned["merges"]]))
    tokenizer.add_special_tokens([END_OF_TEXT])
    return tokenizer


def save_vocabulary(tokenizer: Tokenizer, folder: Path) -> None:
    """Write tokenizer.json, and vocab.json + merges.txt for older programs."""
    tokenizer.save(str(folder / "tokenizer.json"))
    tokenizer.model.save(str(folder))


def _byte_level(model: models.BPE) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def _with_wanted(texts: Iterable[str]) -> Iterator[str]:
    yield from texts
    for word in WANTED:
        yield from [word] * WANTED_COUNT
