"""Papers on the reference runs, and on a run whose names try to inject commands."""

from dataclasses import replace
from pathlib import Path

import pytest

from sweep.execution.executor import Listener
from sweep.execution.job import Job
from sweep.paper.source import PaperRun, load_runs
from sweep.paper.write import write_paper
from sweep.prepare import RunRequest, prepare
from sweep.store.run_folder import RunFolder
from sweep.store.status import Status
from sweep.testing import ScriptedExecutor, drive, fake_report

REFERENCE = Path(__file__).parents[3] / "results" / "reference"
RUNS = ("combinations", "lora_rank", "sentiment", "paraphrase")
HOSTILE = (
    r"\input{/etc/passwd}",
    "100% & more_or_less #1 $x^2$ ~ {a} \\",
    "[optional] * star `tick` \"quote\" 'apostrophe''s' --dash---",
    "naïve Ω \u03bb \u4e2d\u6587 \x07 \u2192 \u00d7 2",
    "a" * 300,
)
SPACE = '''"""Names that are commands of LaTeX. 5 points, 5 trials."""

from sweep import Space

space = Space(
    fixed={{"epochs": 2, "batch_size": 2, "data": {data!r}}},
    variants={{name: {{"lora.rank": rank}} for rank, name in enumerate({names!r}, start=1)}},
    decoding={{"max_new_tokens": 6}},
)
'''


@pytest.fixture(scope="session")
def reference() -> list[PaperRun]:
    return load_runs([RunFolder(REFERENCE / name) for name in RUNS])


@pytest.fixture(scope="session")
def paper(reference: list[PaperRun], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a paper on the reference runs, with the published results."""
    folder = tmp_path_factory.mktemp("paper") / "paper"
    write_paper(reference, folder, published="explora")
    return folder


@pytest.fixture
def hostile(tmp_path: Path, poems: Path) -> RunFolder:
    """A run with hostile names of configurations and data."""
    data = tmp_path / "poems_%&#$ {x}^~.txt"
    data.write_bytes(poems.read_bytes())
    space = tmp_path / "hostile_2.py"
    space.write_text(SPACE.format(data=str(data), names=list(HOSTILE)), encoding="utf-8")
    folder = prepare(RunRequest(space=str(space), out=tmp_path / "results")).open_or_create()
    drive(folder, ScriptedExecutor(_longest_name_wins))
    return folder


def _longest_name_wins(job: Job, listener: Listener) -> None:
    """Complete a job; the configuration with rank 5 scores best."""
    listener.started(job)
    epochs = {settings["epochs"] for _, settings in job.points}
    for epoch in range(1, max(epochs)):
        listener.reported(job, fake_report(job, epoch))
    report = fake_report(job, max(epochs), Status.COMPLETED)
    ranks = {point_id: settings.get("lora.rank", 0) for point_id, settings in job.points}
    scores = tuple(
        replace(one, metrics={"chrf": 40.0 + ranks[one.point_id], "chrf_new": 20.0}) for one in report.scores
    )
    listener.reported(job, replace(report, scores=scores))
