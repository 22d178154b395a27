"""The questions of the checklist, and how a run's record answers each. An answer is plain text; None: not recorded."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sweep.paper import recorded
from sweep.paper.source import PaperRun
from sweep.paper.texts import listed
from sweep.planning.axes import Range
from sweep.reporting.leaderboard import scores_on_test
from sweep.reporting.numbers import counted, duration, setting_text, size
from sweep.reporting.verdicts.groups import LOST
from sweep.store.state import full_plan


@dataclass(frozen=True)
class Question:
    """A question, and the function that answers it for one run."""

    topic: str
    text: str
    answer: Callable[[PaperRun], str | None]


def _base(run: PaperRun) -> str:
    bases = run.spec.provenance.bases.items()
    texts = [
        f"{name.partition('@')[0] if source.place is None else Path(source.place).name}, revision "
        f"{source.revision or 'none'}, SHA-256 {source.sha256[:16]}"
        for name, source in bases
    ]
    return f"GPT-2, pretrained: {'; '.join(texts)}"


def _parameters(run: PaperRun) -> str | None:
    known = {(row["trainable_params"], row["total_params"]) for row in run.rows if row.get("total_params")}
    if not known:
        return None
    trained = sorted({one for one, _ in known})
    totals = sorted({total for _, total in known})
    shares = [100 * one / total for one, total in known]
    return (
        f"{_span(totals)} parameters, of which {_span(trained)} are trained ({min(shares):.3g} to {max(shares):.3g} %)"
    )


def _span(values: list[int]) -> str:
    return f"{values[0]:,}" if len(values) == 1 else f"{values[0]:,} to {values[-1]:,}"


def _data(run: PaperRun) -> str:
    texts = []
    for one in recorded.data_sets(run):
        sizes = listed([f"{count:,} {split}" for split, count in one.sizes.items()])
        name = one.name or "the shipped set"
        texts.append(f"task {one.task}, {name}: {sizes or 'sizes not recorded'}; SHA-256 {one.source.sha256[:16]}")
    return "; ".join(texts)


def _splits(run: PaperRun) -> str | None:
    drawn = [one.source.about.get("drawn") for one in recorded.data_sets(run) if one.source.about]
    if any(drawn):
        return f"drawn from the rows: {'; '.join(str(one) for one in drawn if one)}"
    return "as the data define them" if all(one.sizes for one in recorded.data_sets(run)) else None


def _cut(run: PaperRun) -> str:
    return "; ".join(map(str, run.spec.long_texts)) or "no text exceeds the positions of the base, so none is cut"


def _code(run: PaperRun) -> str | None:
    commit = run.spec.provenance.tool_commit
    if commit is None:
        return None
    changed = " with uncommitted changes" if commit.endswith("+") else ""
    return f"explora-sweep at commit {commit.removesuffix('+')[:12]}{changed}; hash of the numeric code " \
        f"{run.spec.provenance.numerics_sha256[:16]}"  # fmt: skip


def _versions(run: PaperRun) -> str:
    return ", ".join(f"{name} {version}" for name, version in run.spec.provenance.versions.items())


def _command(run: PaperRun) -> str | None:
    return shlex.join(run.spec.command) or None


def _extensions(run: PaperRun) -> str:
    found = run.spec.provenance.extensions.items()
    return "; ".join(f"{name}, SHA-256 {one.sha256[:16]}" for name, one in found) or "none"


def _ranges(run: PaperRun) -> str:
    texts = []
    for key, values in recorded.searched(run).items():
        if isinstance(values, Range):
            texts.append(f"{key} from {setting_text(values.ends[0])} to {setting_text(values.ends[1])} ({values.kind})")
        else:
            texts.append(f"{key} in {', '.join('off' if value is None else setting_text(value) for value in values)}")
    return "; ".join(texts) or "no setting varies"


def _search(run: PaperRun) -> str:
    config = run.spec.tune_config
    text = {"grid": "full grid"}.get(config.search, f"{config.search} search")
    if config.num_samples is not None:
        text += f" of {counted(config.num_samples, 'point')}"
    if config.scheduler != "fifo":
        text += f", scheduler {config.scheduler} by {config.objective}"
    return f"{text}; {counted(len(run.study.groups), 'configuration')}"


def _selection(run: PaperRun) -> str:
    metrics = dict.fromkeys(row["metric"] for row in run.rows)
    return f"mean over seeds of {listed(list(metrics))} on the development split"


def _runs(run: PaperRun) -> str:
    seeds = recorded.seeds_of(run)
    trials = counted(len(recorded.trained_trials(run)), "trial")
    return f"{trials}, {counted(len(seeds), 'seed')} ({', '.join(map(str, seeds))}), the same for all configurations"


def _draws(run: PaperRun) -> str:
    draws = recorded.draws_of(run)
    return f"each score is the mean over {draws} draws of all texts" if draws > 1 else "each score is of one evaluation"


def _bars(run: PaperRun) -> str:
    if len(recorded.seeds_of(run)) < 2:
        return "no: one seed shows no variation"
    return "yes: 95 % intervals of the mean over training seeds, by Student's t; the data splits stay the same"


def _tests(run: PaperRun) -> str:
    if len(recorded.seeds_of(run)) < 2:
        return "none: they need a second seed"
    return (
        "paired t tests over seeds; ties with the best by one-sided tests at 0.05 divided by the number of rivals; "
        "effects of settings and methods after Holm's correction"
    )


def _baseline(run: PaperRun) -> str | None:
    known = any(row.get(f"base_{row['metric']}") is not None for row in run.rows)
    return "the same base without fine-tuning, with the same decoding and seeds" if known else None


def _failures(run: PaperRun) -> str:
    lost = sum(row["status"] in LOST for row in run.rows)
    unfinished = sum(not row["status"].is_complete and row["status"] not in LOST for row in run.rows)
    rows = counted(len(run.rows), "row")
    return f"{lost:,} of {rows} diverged or failed, {unfinished:,} did not run to the end; none is hidden"


def _test_split(run: PaperRun) -> str:
    if run.spec.confirm is not None or scores_on_test(run.rows):
        return "yes: this run confirms configurations that another run chose, with fresh seeds"
    times = len(run.state.confirmations)
    return "no" if not times else f"no, but {counted(times, 'confirmation')} of its best configurations did"


def _hardware(run: PaperRun) -> str:
    provenance = run.spec.provenance
    gpus = run.spec.gpus_per_trial
    cards = f", {gpus:g} GPU per trial" if gpus else ""
    return f"{provenance.device}, {counted(provenance.threads, 'thread')} per trial{cards}"


def _time(run: PaperRun) -> str:
    return f"{duration(recorded.seconds_of(run))} of training and scoring, all trials together"


def _memory(run: PaperRun) -> str | None:
    known = [row["peak_memory_bytes"] for row in run.rows if row.get("peak_memory_bytes")]
    return f"at most {size(max(known))} per trial" if known else None


def _determinism(run: PaperRun) -> str:
    return (
        "by design: every random number is derived from the seed, so that results are equal bit for bit with the same "
        "device, versions and number of threads"
    )


def _records(run: PaperRun) -> str:
    points = len(full_plan(run.spec, run.state).points)
    return f"the run's folder holds its settings, its ledger and the scores of {counted(points, 'point')}"


MODEL, DATA, CODE, SEARCH, RESULTS, COMPUTE, PEOPLE = (
    "Models",
    "Data",
    "Code",
    "Experiments",
    "Results and statistics",
    "Compute",
    "Licences, people and society",
)
QUESTIONS = (
    Question(MODEL, "Which models are used, and in which version?", _base),
    Question(MODEL, "How many parameters have the models, and how many are trained?", _parameters),
    Question(DATA, "Which data are used, and how large are the splits?", _data),
    Question(DATA, "How were the splits made?", _splits),
    Question(DATA, "Were texts cut or left out?", _cut),
    Question(CODE, "Which code made the results?", _code),
    Question(CODE, "Which versions of libraries were used?", _versions),
    Question(CODE, "Which code of the authors' own was used?", _extensions),
    Question(CODE, "Which command reproduces the results?", _command),
    Question(CODE, "Which records support the results?", _records),
    Question(SEARCH, "Which values of hyperparameters were considered?", _ranges),
    Question(SEARCH, "How were they chosen, and how many configurations were tried?", _search),
    Question(SEARCH, "By which criterion was the best configuration selected?", _selection),
    Question(SEARCH, "How many training runs were made, and with which seeds?", _runs),
    Question(SEARCH, "Are the results deterministic?", _determinism),
    Question(RESULTS, "What is a score computed from?", _draws),
    Question(RESULTS, "Are there error bars, and what do they mean?", _bars),
    Question(RESULTS, "Which statistical tests and corrections were used?", _tests),
    Question(RESULTS, "What are the results compared with?", _baseline),
    Question(RESULTS, "Are failed and unfinished runs reported?", _failures),
    Question(RESULTS, "Was the test split used?", _test_split),
    Question(COMPUTE, "On which hardware did the experiments run?", _hardware),
    Question(COMPUTE, "How long did they take?", _time),
    Question(COMPUTE, "How much memory did they need?", _memory),
)
NOT_RECORDED = (
    (COMPUTE, "How much energy did they use?"),
    (COMPUTE, "How much more compute did preliminary experiments need?"),
    (PEOPLE, "Which licences have the models and the data?"),
    (PEOPLE, "Did people take part, or was their consent needed?"),
    (PEOPLE, "What are possible harms and benefits?"),
    (PEOPLE, "How were language models used in writing and coding?"),
)
