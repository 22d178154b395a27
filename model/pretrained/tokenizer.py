"""GPT-2's byte-level BPE tokenizer, built on the `tokenizers` library.

A tokenizer folder holds `tokenizer.json`, or the older pair `vocab.json` + `merges.txt` (named `encoder.json` +
`vocab.bpe` in OpenAI's own release).
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from tokenizers import AddedToken, decoders, models, pre_tokenizers
from tokenizers import Tokenizer as BPE

END_OF_TEXT = "<|endoftext|>"
VOCABULARY_FILES = (("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe"))
PART = 1000  # texts that are counted at a time


def vocabulary(folder: Path) -> tuple[Path, ...]:
    """Return the files that a tokenizer is read from: tokenizer.json, else the first complete pair, else none.

    The folder may hold several of these forms, because other programs share the hub cache.
    """
    for names in (("tokenizer.json",), *VOCABULARY_FILES):
        files = tuple(folder / name for name in names)
        if all(file.is_file() for file in files):
            return files
    return ()


class Tokenizer:
    """Text <-> token ids. `eos_id` is the id of the end-of-text token."""

    def __init__(self, bpe: BPE) -> None:
        eos_id = bpe.token_to_id(END_OF_TEXT)
        if eos_id is None:
            raise ValueError(f"the vocabulary has no {END_OF_TEXT} token: this is not a GPT-2 tokenizer")
        self.bpe = bpe
        self.eos_id: int = eos_id

    @classmethod
    def from_folder(cls, folder: Path) -> "Tokenizer":
        """Read a tokenizer. Raise FileNotFoundError if `folder` holds none, ValueError if it is damaged."""
        files = vocabulary(folder)
        if not files:
            raise FileNotFoundError(f"{folder} holds neither tokenizer.json nor vocab.json + merges.txt")
        try:
            return cls(BPE.from_file(str(files[0])) if len(files) == 1 else _byte_level(*files))
        except Exception as error:  # the library raises plain Exception for files that it cannot parse
            raise ValueError(f"{folder} holds a damaged tokenizer: {error}") from error

    @property
    def vocab_size(self) -> int:
        return self.bpe.get_vocab_size(with_added_tokens=True)

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self.bpe.encode(text).ids
        return ids

    def lengths(self, texts: Iterable[str]) -> Iterator[int]:
        """Yield the number of tokens of each text, counted on all cores."""
        texts = iter(texts)
        while part := list(islice(texts, PART)):
            yield from map(len, self.bpe.encode_batch_fast(part))

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of `ids`, without end-of-text tokens. Incomplete UTF-8 becomes U+FFFD."""
        text: str = self.bpe.decode(list(ids), skip_special_tokens=True)
        return text


def _byte_level(vocab: Path, merges: Path) -> BPE:
    """Build GPT-2's tokenizer from vocabulary and merges: byte-level, without a space added before the text."""
    bpe = BPE(models.BPE.from_file(str(vocab), str(merges)))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    if bpe.token_to_id(END_OF_TEXT) is not None:  # it has its id already; this marks it as special
        bpe.add_special_tokens([AddedToken(END_OF_TEXT, normalized=False)])
    return bpe
