"""Completion: continue a prompt. The loss is that of the completion and its end alone.

Shapes: B sequences per batch, T tokens in the longest of them.
"""

from collections.abc import Iterator, Sequence

import torch

from model.config import DecodeConfig
from model.data_settings import DataSettings
from model.decoding.generate import generate_draws
from model.gpt2 import GPT2
from model.loss import IGNORE
from model.pretrained.tokenizer import Tokenizer
from model.rng import derive_seed
from model.settings import Scalar
from model.tasks import Batch, Evaluation
from model.tasks.batching import Encoded, Ragged, by_length
from model.tasks.data.completion import find, given
from model.tasks.data.lengths import cut
from model.tasks.data.sources import SPLITS
from model.tasks.draws import over_draws
from model.tasks.scores import corpus_bleu, corpus_chrf, exact_match, rouge_l, sentence_chrf

SCORED = 256  # rows of a split that texts are generated for: the first ones
GENERATED = 32  # prompts that are continued side by side


class Task:
    """Tokenized prompts and completions.

    If both exceed `max_tokens`, the prompt is cut to what the completion leaves, but not below half of the positions;
    then the end of the completion is cut.
    """

    classes = None

    def __init__(
        self,
        data: str | None,
        tokenizer: Tokenizer,
        max_tokens: int,
        truncate: str | None = None,
        settings: DataSettings | None = None,
    ) -> None:
        found = find(data, settings)
        found.check_room(tokenizer, max_tokens)
        self.tokenizer, self.max_tokens, self.truncate = tokenizer, max_tokens, truncate
        self.texts = {split: found.dataset.splits[split].texts for split in SPLITS}
        # The first number of a sequence is the length of its prompt.
        self.ids = {split: Ragged(Encoded(texts, self._encode)) for split, texts in self.texts.items()}
        self.data_sha256 = found.digest()

    def size(self, split: str) -> int:
        return len(self.texts[split])

    def _encode(self, texts: tuple[str, ...]) -> list[int]:
        """Return the length of the prompt, then the ids of prompt, completion and end of text."""
        prompt = self.tokenizer.encode(given(*texts)) or [self.tokenizer.eos_id]
        rest = [*self.tokenizer.encode(texts[1]), self.tokenizer.eos_id]
        room = self.max_tokens + 1  # the last token is only a target
        prompt = cut(prompt, max(self.max_tokens // 2, room - len(rest)), self.truncate)
        return [len(prompt), *prompt, *rest[: room - len(prompt)]]

    def batches(self, split: str, order: Sequence[int], batch_size: int) -> Iterator[Batch]:
        """Yield batches of similar lengths. The targets are the tokens of the completion and the end of text."""
        rows = self.ids[split]
        for indices in by_length(rows.lengths, order, batch_size):
            longest = max(rows.lengths[index] for index in indices) - 2
            inputs = torch.full((len(indices), longest), self.tokenizer.eos_id)
            targets = torch.full((len(indices), longest), IGNORE)
            for row, index in enumerate(indices):
                count, ids = rows.ids(index)[0], torch.tensor(rows.ids(index)[1:])
                inputs[row, : len(ids) - 1] = ids[:-1]
                targets[row, count - 1 : len(ids) - 1] = ids[count:]
            yield Batch(inputs, targets)

    def evaluate(self, model: GPT2, split: str, decode: DecodeConfig | None, seed: int) -> Evaluation:
        """Continue the first SCORED prompts of `split` and compare the texts with the completions.

        With `decode.repeats`, the texts are drawn several times: see `over_draws`. Raise DataError if there is no row.
        """
        rows = self.texts[split][:SCORED]
        decode = decode or DecodeConfig()
        drawn: list[list[str]] = [[] for _ in range(decode.repeats or 1)]
        for start in range(0, len(rows), GENERATED):
            prompts = [self._prompt(split, index) for index in range(start, min(start + GENERATED, len(rows)))]
            own_seed = derive_seed(seed, "prompts", start) if start else seed
            texts = generate_draws(model, self.tokenizer, prompts, decode, seed=own_seed)
            for draw, new in zip(drawn, texts, strict=True):
                draw += new
        return over_draws([self._score(rows, texts) for texts in drawn])

    def _prompt(self, split: str, index: int) -> str:
        """Return a prompt to generate from: the whole one, or what is left of it in half of the positions."""
        text = given(*self.texts[split][index])
        ids = self.tokenizer.encode(text)
        fits = len(ids) < self.max_tokens
        return text if fits else self.tokenizer.decode(cut(ids, self.max_tokens // 2, self.truncate))

    def _score(self, rows: Sequence[tuple[str, ...]], generated: Sequence[str]) -> Evaluation:
        """Score the generated text of each of `rows`."""
        new, true = [text.strip() for text in generated], [completion.strip() for _, completion in rows]
        pairs = list(zip(new, true, strict=True))
        rouge, exact = ([score(*pair) for pair in pairs] for score in (rouge_l, exact_match))
        metrics = {
            "chrf": corpus_chrf(new, true),
            "bleu": corpus_bleu(new, true),
            "rouge_l": sum(rouge) / len(rouge),
            "exact_match": sum(exact) / len(exact),
        }
        samples: list[dict[str, Scalar]] = [
            {
                "example": example,
                "prompt": prompt,
                "generated": text,
                "reference": completion,
                "chrf": sentence_chrf(*pairs[example]),
                "rouge_l": rouge[example],
                "exact_match": exact[example],
            }
            for example, ((prompt, completion), text) in enumerate(zip(rows, generated, strict=True))
        ]
        return Evaluation(metrics, samples)
