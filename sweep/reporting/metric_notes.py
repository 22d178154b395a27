"""What the scores mean, in a sentence each."""

from collections.abc import Iterable

NOTES = {
    "chrf": "overlap of characters with the true text, 0 to 100, higher is better; the given lines count, too",
    "chrf_new": "chrf of the generated part alone, higher is better",
    "bleu": "overlap of words and word sequences with the true text, 0 to 100, higher is better",
    "rouge_l": "longest common sequence of words with the true text, 0 to 1, higher is better",
    "exact_match": "share of texts that equal the true one, higher is better",
    "accuracy": "share of right answers, higher is better",
    "macro_f1": "F1 of each class, averaged over the classes, 0 to 1, higher is better",
    "mcc": "Matthews correlation of answers and true classes, -1 to 1: 0 is guessing, higher is better",
    "perplexity": "exponential of the dev loss per token, lower is better",
    "bits_per_byte": "dev loss in bits per byte of text, lower is better",
    "dev_loss": "loss on the dev split in nats per token or answer, lower is better",
}


def metric_notes(names: Iterable[str]) -> list[str]:
    """Return a line for each score that is known, in order, without repetitions."""
    return [f"{name}: {NOTES[name]}" for name in dict.fromkeys(names) if name in NOTES]
