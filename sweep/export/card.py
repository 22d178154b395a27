"""The model card of an exported model: what it is, how good it is, how it was chosen, and how to load it.

The metadata at its head is that of the Hugging Face hub (huggingface_hub.ModelCardData).
"""

from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import EvalResult, ModelCardData

from model.task_specs import TASKS
from sweep.export.adapter import hub_id
from sweep.export.trained import TrainedModel
from sweep.planning.sources import Source
from sweep.reporting.leaderboard import larger_is_better, load_rows
from sweep.reporting.numbers import setting_text
from sweep.reporting.verdicts.conclusion import score_text
from sweep.reporting.verdicts.groups import Group, summarize
from sweep.reporting.verdicts.sentence import sentence
from sweep.reporting.verdicts.study import Study
from sweep.statistics.verdict import Comparison, judge

RELEASED_LICENSE = "mit"  # of OpenAI's GPT-2
LIMITS = """\
- The scores are those of the development split, which also chose the model. On new texts it will score lower.
  `sweep confirm` measures it with new seeds on the test split.
- The model was fine-tuned only on the data named above. It repeats the errors and biases of that data and of its base.
- It has had no safety training. Do not use it to make decisions about people."""


@dataclass(frozen=True)
class Standing:
    """Where a point's configuration stands among those of its run."""

    metric: str
    score: float | None  # of this point
    configuration: Group  # the same configuration over its seeds
    rank: int | None
    configurations: int


def model_card(trained: TrainedModel, form: str, loading: str) -> str:
    """Return the text of README.md. `loading` is Python or shell code that loads the exported files."""
    found = _standing(trained)
    sections = {
        "Score": _score(trained, found),
        "Use": loading,
        "Training": _training(trained),
        "Limits": LIMITS,
    }
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items())
    head = _metadata(trained, found, form).to_yaml()
    return f"---\n{head}\n---\n\n# {_name(trained)}\n\n{_summary(trained)}\n\n{body}\n"


def _name(trained: TrainedModel) -> str:
    return f"{trained.folder.name}-{trained.point.point_id}"


def _summary(trained: TrainedModel) -> str:
    base = hub_id(trained) or ("the shipped base tiny" if trained.train.base == "tiny" else "a private base")
    method = trained.train.peft_name or "full fine-tuning"
    return (
        f"A GPT-2 fine-tuned for the task {trained.train.task} from {base} by {method}, "
        f"point {trained.point.point_id} of the run {trained.folder.name}."
    )


def _standing(trained: TrainedModel) -> Standing | None:
    """Return where the point stands, or None if it is no row of its run, as a baseline."""
    study = Study(load_rows(trained.folder))
    for place in range(len(study.sets)):
        found = study.standings(place)
        for one in found.settings:
            for row in one.group.rows:
                if row["point_id"] == trained.point.point_id:
                    return Standing(found.metric, row.get(found.metric), one.group, one.rank, len(found.settings))
    return None


def _score(trained: TrainedModel, found: Standing | None) -> str:
    if found is None:
        return "This is the base without fine-tuning. It is not ranked in the run."
    mine = found.configuration
    baseline = mine.baseline(found.metric)
    scores = mine.scores(found.metric)
    seeds = sorted(set(scores) & set(baseline))
    compared = Comparison(
        name="fine-tuned - base",
        one=tuple(scores[seed] for seed in seeds),
        other=tuple(baseline[seed] for seed in seeds),
    )
    lines = [
        f"- this model, on the development split: {found.metric} {_number(found.score)}",
        f"- its configuration over seeds: {found.metric} {score_text(found.metric, mine.summary(found.metric))}",
        f"- the base without fine-tuning: {found.metric} {score_text(found.metric, summarize(baseline.values()))}",
        *(
            f"- {sentence(one, found.metric)}"
            for one in judge([compared], larger_is_better=larger_is_better(found.metric))
            if seeds
        ),
        f"- rank {found.rank} of {found.configurations} configurations by {found.metric}",
    ]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


def _training(trained: TrainedModel) -> str:
    provenance, train = trained.folder.spec.provenance, trained.train
    base, data = provenance.base(trained.point), provenance.dataset(trained.point)
    sizes = ", ".join(f"{trained.training.task.size(split)} {split}" for split in ("train", "dev"))
    paths = {"base": base, "data": data}
    settings = "\n".join(
        f"| {key} | {_public(str(value), paths[key]) if key in paths else setting_text(value)} |"
        for key, value in trained.point.columns.items()
    )
    versions = ", ".join(f"{name} {number}" for name, number in provenance.versions.items())
    return "\n".join(
        [
            f"- base: {hub_id(trained) or _public(train.base, base)}, revision {base.revision or 'none'}, "
            f"SHA-256 {base.sha256}",
            f"- data of the task {train.task}: {sizes} examples, SHA-256 {data.sha256}",
            f"- versions: {versions}; device {provenance.device}",
            f"- code: explora-sweep at commit {provenance.tool_commit or 'unknown'}",
            "",
            "| setting | value |",
            "|---|---|",
            settings,
        ]
    )


def _public(name: str, source: Source) -> str:
    """Return the name of a base or of data; of a path only its last part, because the rest is nobody's business."""
    return name if source.place is None else Path(source.place).name


def _metadata(trained: TrainedModel, found: Standing | None, form: str) -> ModelCardData:
    task = TASKS[trained.train.task]
    pipeline = "text-classification" if trained.labels else "text-generation"
    base = hub_id(trained)
    score = found.score if found else None
    name = trained.train.data or trained.train.task
    results = (
        []
        if found is None or score is None
        else [
            EvalResult(
                task_type=pipeline,
                dataset_type=trained.train.task,
                dataset_name=_public(name, trained.folder.spec.provenance.dataset(trained.point)),
                dataset_split="dev",
                metric_type=found.metric,
                metric_value=float(score),
            )
        ]
    )
    return ModelCardData(
        license=RELEASED_LICENSE if base and base.startswith("openai-community/") else "other",
        base_model=base,
        library_name={"peft": "peft", "gguf": "gguf"}.get(form, "transformers"),
        pipeline_tag=pipeline,
        tags=["explora-sweep", trained.train.task, *(["lora"] if trained.train.lora else [])],
        metrics=list(task.metrics),
        model_name=_name(trained),
        eval_results=results or None,
    )
