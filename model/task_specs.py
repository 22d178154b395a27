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
}
