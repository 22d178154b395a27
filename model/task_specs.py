"""The names and properties of the tasks. Nothing here imports torch."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """What others need to know of a task."""

    name: str
    metric: str  # what rows are ranked by; larger is better
    metrics: tuple[str, ...]  # every score it reports
    generates: bool = False  # whether it is scored on generated text, so that decoding matters
    has_head: bool = False  # whether it adds a classifier to the model
    answers: tuple[str, ...] = ()  # the words it predicts, by label; each is to be one token of the base's vocabulary
    sets: tuple[str, ...] = ()  # what `data` may be besides a path


TASKS = {
    spec.name: spec
    for spec in (
        TaskSpec(
            name="sonnets",
            metric="chrf",
            metrics=("chrf", "chrf_new"),
            generates=True,
        ),
        TaskSpec(
            name="paraphrase",
            metric="accuracy",
            metrics=("accuracy", "macro_f1"),
            answers=("no", "yes"),
            sets=("questions", "qqp"),
        ),
        TaskSpec(
            name="sentiment",
            metric="accuracy",
            metrics=("accuracy", "macro_f1"),
            has_head=True,
            sets=("reviews", "verdicts", "sst5"),
        ),
    )
}
