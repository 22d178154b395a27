"""The registry of tasks: name -> spec. Nothing here imports torch."""

from model.specs import TaskSpec

TASKS = {
    "sonnets": TaskSpec(metric="chrf", metrics=("chrf", "chrf_new"), generates=True, repeats=True),
    "paraphrase": TaskSpec(
        metric="accuracy",
        metrics=("accuracy", "macro_f1"),
        answers=("no", "yes"),
        sets=("questions", "qqp"),
    ),
    "sentiment": TaskSpec(
        metric="accuracy",
        metrics=("accuracy", "macro_f1"),
        has_head=True,
        sets=("reviews", "verdicts", "sst5"),
    ),
    "classification": TaskSpec(
        metric="accuracy",
        metrics=("accuracy", "macro_f1", "mcc"),
        has_head=True,
        columns=("text", "label"),
    ),
    "pairs": TaskSpec(
        metric="accuracy",
        metrics=("accuracy", "macro_f1", "mcc"),
        has_head=True,
        columns=("text", "text2", "label", "answers"),
    ),
    "completion": TaskSpec(
        metric="chrf",
        metrics=("chrf", "bleu", "rouge_l", "exact_match"),
        generates=True,
        repeats=True,
        columns=("prompt", "completion"),
    ),
    "text": TaskSpec(
        metric="dev_loss",
        metrics=("perplexity", "bits_per_byte"),
        generates=True,
        cuts=False,
        columns=("text",),
    ),
}
