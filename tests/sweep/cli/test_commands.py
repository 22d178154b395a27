"""The command line: invalid input, exit codes, precedence of options, help, and speed."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from sweep.cli.commands import main
from sweep.errors import InfrastructureError
from sweep.execution.driver import Driver
from sweep.execution.executor import Executor
from sweep.prepare import RunRequest, prepare
from sweep.store.run_folder import list_runs
from tests.model.folders import write_base

Sweep = Callable[..., Result]

HEADER = "from sweep import Space, grid\n"
BAD_SPACES = {
    "unknown key": ('space = Space(fixed={"lora.rnk": 2})', "did you mean 'lora.rank'"),
    "wrong type": ('space = Space(fixed={"batch_size": "8"})', "batch_size: must be int"),
    "rank 0": ('space = Space(axes={"lora.rank": grid(0, 2)})', "lora.rank: must be at least 1, got 0"),
    "dropout 1.5": ('space = Space(fixed={"lora.rank": 2, "lora.dropout": 1.5})', "lora.dropout: must be below 1"),
    "top_p 0": ('space = Space(decoding={"top_p": 0})', "decode.top_p: must be above 0"),
    "epochs -1": ('space = Space(fixed={"epochs": -1})', "epochs: must be at least 0"),
    "empty axis": ('space = Space(axes={"lr": grid()})', "a grid needs at least one value"),
    "duplicate point": ('space = Space(axes={"lr": grid(0.1, 0.1)})', "duplicate point"),
    "raises": ("space = 1 / 0", "raised ZeroDivisionError"),
    "unknown base": ('space = Space(fixed={"base": "gpt3"})', "unknown base 'gpt3': did you mean 'gpt2'"),
    "lambda below 0": ('space = Space(fixed={"smart.lam": -1e-3})', "smart.lam: must be at least 0"),
    "epsilon 0": (
        'space = Space(fixed={"smart.lam": 1.0}, axes={"smart.eps": grid(0, 1e-5)})',
        "smart.eps: must be above",
    ),
    "unknown variant": (
        'space = Space(fixed={"smart.lam": 1.0, "smart.variant": "smarter"})',
        "smart.variant: must be one of library, custom, paper, got 'smarter'",
    ),
    "smart without lambda": (
        'space = Space(axes={"smart.eps": grid(1e-6, 1e-5)})',
        "smart.lam: must be above 0 if smart.bregman_mu is 0",
    ),
    "unknown optimizer": ('space = Space(fixed={"optimizer": "sgd"})', "optimizer: must be one of adamw, soap"),
    "beams 0": ('space = Space(decoding={"beams": 0})', "decode.beams: must be at least 1"),
    "more beams than tokens": ('space = Space(decoding={"beams": 5000})', "decode.beams: 5000 is more than the 3072"),
    "top_k 0": ('space = Space(decoding={"top_k": 0})', "decode.top_k: must be at least 1"),
    "generations of beams": (
        'space = Space(decoding={"beams": 3, "generations": 3})',
        "decode.generations: beams already keep the best of several texts",
    ),
    "decoding an answer": (
        'space = Space(task="paraphrase", decoding={"top_p": 0.9})',
        "decode.top_p: has no effect: task paraphrase generates no text",
    ),
    "missing data": ('space = Space(fixed={"data": "nowhere.txt"})', "cannot read the sonnets in nowhere.txt"),
}
PAIRS = "id\tsentence1\tsentence2\tis_duplicate\n"
BAD_DATA = {
    "no header": ("paraphrase", b"5\tone\ttwo\t1\n6\tthree\tfour\t0\n", "has no column sentence1"),
    "no usable row": ("paraphrase", PAIRS.encode() + b"1\tone\ttwo\t\n", "has no row with a label and a text"),
    "not UTF-8": ("paraphrase", PAIRS.encode() + b"1\t\xff\ttwo\t1\n", "is not UTF-8 text"),
    "no number for a class": (
        "sentiment",
        b"\tid\tsentence\tsentiment\n0\ta\tfine\tgood\n",
        "the label of line 2 is 'good'",
    ),
    "no sentiment": ("sentiment", b"\tid\tsentence\n0\ta\tfine\n", "the labels in a column sentiment or label"),
}
BAD_COMMANDS = {
    "unknown space": (["run", "lora_rnk"], "unknown space 'lora_rnk': did you mean 'lora_rank'"),
    "unknown setting": (["run", "lora_rank", "--set", "epoch=1"], "did you mean 'epochs'"),
    "no value": (["run", "lora_rank", "--set", "epochs"], "write key=value"),
    "word for a number": (["run", "lora_rank", "--set", "epochs=ten"], "epochs: must be int, got 'ten'"),
    "name with a slash": (["run", "lora_rank", "--name", "a/b"], "run name 'a/b'"),
    "name that leaves": (["run", "lora_rank", "--name", ".."], "run name '..'"),
    "unknown base": (["run", "lora_rank", "--base", "gpt-2"], "unknown base 'gpt-2': did you mean 'gpt2'"),
    "revision of tiny": (["run", "lora_rank", "--set", "revision=abc"], "revision 'abc' has no meaning"),
    "seeds 0": (["run", "lora_rank", "--seeds", "0"], "x>=1"),
    "no such run": (["report", "nowhere"], "no run 'nowhere'"),
    "path of no run": (["report", "../x"], "no run at ../x: a run is a folder with a run.json in it"),
    "parent folder": (["status", ".."], "no run at .."),
    "no runs": (["report"], "holds no runs yet"),
    "unknown option": (["run", "lora_rank", "--nonsense", "1"], "No such option"),
    "a setting as an option": (
        ["run", "lora_rank", "--epochs", "3"],
        "No such option: --epochs. It is a setting: write --set epochs=3",
    ),
    "a setting with a dash": (["run", "lora_rank", "--batch-size=4"], "write --set batch_size=4"),
    "a setting of another program": (["run", "lora_rank", "--learning-rate", "0.1"], "write --set lr=0.1"),
    "a setting of a method": (
        ["run", "lora_rank", "--max-new-tokens", "--dry-run"],
        "write --set decode.max_new_tokens=VALUE",
    ),
    "a learning rate": (["run", "lora_rank", "--set", "learning_rate=1"], "did you mean 'lr'"),
    "warm-up": (["run", "lora_rank", "--set", "warmup=1"], "there is no warm-up: the learning rate is constant"),
    "freeze": (["run", "lora_rank", "--set", "freeze=True"], "freeze: must be one of base, got 'True'"),
    "no such file": (["run", "my/own.py"], "my/own.py: no such file"),
    "no GPU": (["run", "lora_rank", "--gpus-per-trial", "1"], "this machine has no GPU that torch can use"),
    "two errors": (
        ["run", "lora_rank", "--set", "lr=0", "--set", "epochs=-1"],
        "2 errors   epochs: must be at least 0, got -1   lr: must be above 0, got 0.0",
    ),
}


def assert_refused(result: Result, message: str, out: Path) -> None:
    assert result.exit_code == 2, result.output
    assert message in result.stderr.replace("\n", " ")
    assert "Traceback" not in result.output
    assert len([line for line in result.stderr.splitlines() if line.startswith("Error")]) == 1
    assert not out.exists()


@pytest.mark.parametrize("case", BAD_SPACES)
def test_bad_space_is_one_line_and_writes_nothing(sweep: Sweep, tmp_path: Path, out: Path, case: str) -> None:
    source, message = BAD_SPACES[case]
    path = tmp_path / "bad.py"
    path.write_text(HEADER + source + "\n")
    result = sweep("run", path)
    assert_refused(result, message, out)
    if not {"base", "data", "tokens"} & set(case.split()):
        assert str(path) in result.stderr


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data_is_one_line_and_writes_nothing(sweep: Sweep, tmp_path: Path, out: Path, case: str) -> None:
    task, content, message = BAD_DATA[case]
    for split in ("train", "dev"):
        (tmp_path / f"set-{split}.csv").write_bytes(content)
    path = tmp_path / "bad.py"
    path.write_text(HEADER + f'space = Space(task={task!r}, fixed={{"data": {str(tmp_path / "set")!r}}})\n')
    result = sweep("run", path)
    assert_refused(result, message, out)
    assert str(tmp_path / "set-") in result.stderr.replace("\n", "")


def test_a_file_without_a_sonnet_is_refused(sweep: Sweep, tmp_path: Path, out: Path) -> None:
    (tmp_path / "prose.txt").write_text("It was a dark and stormy night.\n")
    result = sweep("run", "lora_rank", "--set", f"data={tmp_path / 'prose.txt'}")
    assert_refused(result, "holds 0 numbered sonnets", out)


def test_a_base_that_has_no_word_for_an_answer_is_refused(sweep: Sweep, tmp_path: Path, out: Path) -> None:
    base = write_base(tmp_path / "base")
    result = sweep("run", "paraphrase", "--base", base)
    assert_refused(result, "spells 'no' with 2", out)
    assert str(base) in result.stderr.replace("\n", "")


@pytest.mark.parametrize("case", BAD_COMMANDS)
def test_bad_command_is_one_line_and_writes_nothing(sweep: Sweep, out: Path, case: str) -> None:
    arguments, message = BAD_COMMANDS[case]
    assert_refused(sweep(*arguments), message, out)


def test_out_that_cannot_be_written_is_refused(sweep: Sweep, micro: Path, tmp_path: Path, out: Path) -> None:
    (tmp_path / "file").write_text("")
    result = sweep("run", micro, "--out", tmp_path / "file" / "below")
    assert_refused(result, "choose another folder with --out", out)


def test_a_disk_that_is_full_is_refused(micro: Path, out: Path) -> None:
    """The system itself refuses: no file of this process may grow beyond one kilobyte."""

    def limit() -> None:
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    command = [sys.executable, "-m", "sweep.cli", "run", str(micro), "--executor", "inline", "--out", str(out)]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, env=environment)
    assert done.returncode == 2, done.stderr
    assert "File too large" in done.stderr
    assert not out.exists()


def test_a_run_of_another_space_is_not_touched(sweep: Sweep, finished: Path, micro: Path) -> None:
    before = (finished / "ledger.jsonl").read_bytes()
    result = sweep("run", micro, "--name", "micro", "--set", "lr=0.5")
    assert result.exit_code == 2
    assert "with another space, settings or search" in result.stderr
    assert (finished / "ledger.jsonl").read_bytes() == before


@pytest.mark.parametrize("command", ["report", "status", "resume"])
def test_a_ledger_damaged_in_the_middle_is_refused(sweep: Sweep, finished: Path, command: str) -> None:
    path = finished / "ledger.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], lines[3].replace(b"1", b"2"), *lines[4:]]))
    damaged = path.read_bytes()
    result = sweep(command, "micro")
    assert result.exit_code == 2
    assert "line 4: damaged" in result.stderr
    assert path.read_bytes() == damaged


def test_an_unknown_column_is_named(sweep: Sweep, finished: Path) -> None:
    result = sweep("report", "--sort", "chr")
    assert result.exit_code == 2
    assert "--sort chr: no such column" in result.stderr


def test_same_name_resumes_the_same_run(sweep: Sweep, finished: Path, micro: Path, out: Path) -> None:
    assert sweep("run", micro, "--name", "micro", "--executor", "inline").exit_code == 0
    assert [run.name for run in list_runs(out)] == ["micro"]


def test_a_run_under_other_conditions_is_not_mixed_in(sweep: Sweep, finished: Path, micro: Path) -> None:
    result = sweep("run", micro, "--name", "micro", "--cpus-per-trial", "2")
    assert result.exit_code == 2
    assert "changed since this run began: threads" in result.stderr


def test_failures_decide_the_exit_code(sweep: Sweep, micro: Path) -> None:
    some = sweep("run", micro, "--executor", "inline", "--set", "lr=1e30,0.01", "--name", "some")
    assert some.exit_code == 3
    assert "DIVERGED" in some.stderr
    assert sweep("run", micro, "--executor", "inline", "--set", "lr=1e30", "--name", "none").exit_code == 4


def test_zero_epochs_is_a_valid_axis_value(sweep: Sweep, micro: Path) -> None:
    result = sweep("run", micro, "--executor", "inline", "--set", "epochs=0,1")
    assert result.exit_code == 0
    rows = json.loads(sweep("report", "--format", "json").stdout)
    assert [row["status"] for row in rows] == ["COMPLETED"] * 8
    assert all(row["chrf"] == row["base_chrf"] for row in rows if row["epochs_budget"] == 0)


def test_a_folder_that_is_no_run_is_passed_over_or_named(sweep: Sweep, micro: Path, out: Path) -> None:
    (out / "micro").mkdir(parents=True)
    (out / "micro" / "mine.txt").write_text("")
    assert "micro-2: 4 points" in sweep("run", micro, "--executor", "inline").stdout
    result = sweep("run", micro, "--name", "micro")
    assert result.exit_code == 2
    assert "exists but is not a run of this tool" in result.stderr
    assert (out / "micro" / "mine.txt").exists()


def test_the_executor_may_change_between_sessions(sweep: Sweep, micro: Path, out: Path) -> None:
    """A run begun on Ray, which then would not start."""
    prepare(RunRequest(space=str(micro), out=out, executor="ray")).open_or_create()
    assert sweep("run", micro, "--executor", "inline").stdout.startswith("micro: 4 points: 4 COMPLETED")


def test_dry_run_counts_and_writes_nothing(sweep: Sweep, out: Path) -> None:
    result = sweep("run", "lora_rank", "--dry-run", "--set", "epochs=5,10", "--set", "decode.top_p=0.9,0.95")
    assert result.exit_code == 0
    assert "points     96" in result.stdout
    assert "trials     24, 240 epochs in total" in result.stdout
    assert "shared     480 epochs" in result.stdout
    assert not out.exists()


def test_status_and_ls(sweep: Sweep, finished: Path) -> None:
    assert "micro: 4 points: 4 COMPLETED; idle" in sweep("status").stdout
    assert "best chrf" in sweep("ls").stdout


def test_ls_of_an_empty_folder_says_so(sweep: Sweep, out: Path) -> None:
    result = sweep("ls")
    assert result.exit_code == 0
    assert result.stdout == f"no runs in {out} yet: start one with `sweep run lora_rank`\n"


@pytest.mark.parametrize("command", ["report", "status", "resume", "gc"])
@pytest.mark.parametrize("suffix", ["", "/"])
def test_a_run_may_be_given_by_its_path(sweep: Sweep, finished: Path, command: str, suffix: str) -> None:
    result = sweep(command, f"{finished}{suffix}", "--out", "elsewhere")
    assert result.exit_code == 0, result.output
    assert "micro" in result.stdout or command == "gc"


def test_spaces_lists_every_space(sweep: Sweep) -> None:
    listed = sweep("spaces").stdout
    assert "lora_rank" in listed
    assert "24 points" in listed


def test_option_precedence_is_flag_environment_file_default(
    sweep: Sweep, micro: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def base(*arguments: str) -> str:
        return sweep("run", micro, "--dry-run", *arguments).stderr

    assert base() == ""
    Path("sweep.toml").write_text('base = "from-file"\n')
    assert "'from-file'" in base()
    monkeypatch.setenv("SWEEP_BASE", "from-environment")
    assert "'from-environment'" in base()
    assert "'from-flag'" in base("--base", "from-flag")


def test_an_unknown_option_in_the_file_is_named(sweep: Sweep) -> None:
    Path("sweep.toml").write_text("concurency = 2\n")
    result = sweep("ls")
    assert result.exit_code == 2
    assert "unknown option 'concurency'" in result.stderr
    Path("sweep.toml").write_text('format = "json"\nset = ["epochs=1"]\n')
    assert "24, 24 epochs in total" in sweep("run", "lora_rank", "--dry-run").stdout


@pytest.mark.parametrize("name", main.commands)
def test_every_command_and_option_has_a_help_text(name: str) -> None:
    command = main.commands[name]
    assert command.help
    assert all(p.help for p in command.params if isinstance(p, click.Option) and p.name != "help")
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0


def cpu_seconds(*arguments: str) -> float:
    """CPU time of Python with `arguments` in a process of its own: the least of three, which noise cannot lower."""
    least = float("inf")
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        least = min(least, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return least


def test_help_costs_little() -> None:
    # A yardstick as fast as the machine: 0.06 to 0.1 s.
    yardstick = cpu_seconds("-c", "import asyncio, email.parser, http.client, json, logging, unittest.mock")
    assert cpu_seconds("-m", "sweep.cli", "--help") <= 4 * yardstick
    assert imported_by("sweep.cli.commands", "torch", "ray", "pandas", "pyarrow", "scipy", "numpy") == []


def test_workers_import_no_statistics() -> None:
    """SciPy takes time and memory that trials do not need."""
    modules = ("sweep.execution.trial", "sweep.execution.ray_backend.adapter", "model.training")
    assert imported_by(", ".join(modules), "scipy") == []


def imported_by(modules: str, *packages: str) -> list[str]:
    """Return those of `packages` that importing `modules` imports."""
    code = f"import sys, {modules}; print(*(name for name in {packages} if name in sys.modules))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_a_report_costs_little(sweep: Sweep, micro: Path, out: Path) -> None:
    done = sweep(
        "run", micro, "--executor", "inline", "--set", "lora.rank=1,2,3,4,5,6,7,8,9,10,11,12", "--set", "epochs=1"
    )
    assert done.exit_code == 0
    assert len(json.loads(sweep("report", "--format", "json").stdout)) == 24
    assert cpu_seconds("-m", "sweep.cli", "report", "--out", str(out)) <= 1.0


def test_dry_run_reports_the_savings_of_sharing(sweep: Sweep, out: Path) -> None:
    """5 + 10 + 20 epochs x 17 decodings x 4 rates x (62 + 31 + 16 + 8 + 4) batches an epoch, against 20 epochs."""
    text = sweep("run", "soap_decoding", "--dry-run").stdout
    assert "points     1,020\n" in text
    assert "trials     20, 400 epochs in total\n" in text
    alone, shared = 35 * 17 * 4 * 121, 20 * 4 * 121
    assert f"{alone - shared:,} of {alone:,} forward passes of training (97%)" in text
    assert not out.exists()


@pytest.mark.parametrize("base", ["tiny", "./tiny", "other", "~/other"])
def test_drivers_and_workers_mean_the_same_base(
    base: str, sweep: Sweep, micro: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`tiny` is the shipped one, even beside a folder of that name."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for folder in (Path("tiny"), Path("other"), tmp_path / "other"):
        write_base(folder)
    result = sweep("run", micro, "--executor", "inline", "--base", base)
    assert result.exit_code == 0, result.output


@pytest.mark.usefixtures("interrupts")
@pytest.mark.parametrize("number", [None, signal.SIGTERM])
def test_infrastructure_error_after_a_signal_keeps_its_exit_code(
    number: signal.Signals | None, sweep: Sweep, micro: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(driver: Driver, executor: Executor) -> bool:
        driver.interrupts.first = number
        raise InfrastructureError("Ray is lost")

    monkeypatch.setattr(Driver, "work", break_down)
    result = sweep("run", micro, "--executor", "inline")
    assert result.exit_code == (1 if number is None else 143)
    assert f"Error: Ray is lost; resume with: sweep resume micro --out {out}" in result.stderr


@pytest.mark.usefixtures("interrupts")
def test_a_signal_before_there_is_a_run(sweep: Sweep, micro: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare_slowly(request: RunRequest) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("sweep.prepare.prepare", prepare_slowly)
    result = sweep("run", micro)
    assert (result.exit_code, result.stderr) == (143, "interrupted\n")
    assert not out.exists()
