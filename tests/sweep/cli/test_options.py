"""Options: their types and help texts."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sweep.cli.commands import main

Sweep = Callable[..., Result]

BAD = {
    "duration without a unit": (["--trial-timeout", "90"], "'90': write a number and s, m, h or d"),
    "duration of a word": (["--stall-timeout", "soon"], "'soon': write a number and s, m, h or d"),
    "budget without a unit": (["--budget", "40"], "'40': write for example 30m, 2h, 40trials or 2gpuh"),
    "half a trial": (["--budget", "1.5trials"], "'1.5trials': write for example"),
    "unknown policy of checkpoints": (["--keep", "some"], "'some' is not one of"),
    "unknown scheduler": (["--scheduler", "hyperband"], "'hyperband' is not one of"),
    "unknown search": (["--search", "cma"], "'cma' is not one of"),
    "unknown objective": (["--objective", "bleu"], "'bleu' is not one of"),
    "reduction 1": (["--scheduler", "asha", "--reduction-factor", "1"], "x>=2"),
    "grace 0": (["--scheduler", "asha", "--grace-period", "0"], "x>=1"),
    "no trials": (["--search", "random", "--num-samples", "0"], "x>=1"),
    "less than no failures": (["--max-failures", "-1"], "x>=0"),
    "one GPU and a half": (["--gpus-per-trial", "1.5"], "'1.5': a trial computes on one GPU"),
    "GPUs of a word": (["--gpus-per-trial", "all"], "'all': write 1, a fraction of one GPU"),
    "search without trials": (["--search", "tpe"], "say how many points to sample with --num-samples N"),
    "trials of a grid": (["--num-samples", "5"], "a grid runs every point"),
    "grace of fifo": (["--grace-period", "2"], "without effect under --scheduler fifo"),
    "GPU hours without a GPU": (["--budget", "2gpuh"], "no trial uses a GPU"),
    "decoding by tpe": (
        ["--search", "tpe", "--num-samples", "3", "--set", "decode.top_p=0.8,0.9"],
        "points that differ only in decoding or keep_best_epoch share a trial",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_option_is_one_line(sweep: Sweep, case: str) -> None:
    options, message = BAD[case]
    result = sweep("run", "lora_rank", *options)
    assert result.exit_code == 2
    assert message in result.stderr.replace("\n", " ")
    assert "Traceback" not in result.output


HELP = {  # option -> what its help must say: its unit, and its default
    "--search": ["grid: run every point", "[default: grid]"],
    "--num-samples": ["Number of points to sample", "Required with", "x>=1"],
    "--seeds": ["Number of seeds for every configuration", "[default: 1"],
    "--scheduler": ["asha-promote", "[default: fifo]"],
    "--grace-period": ["Epochs before the first rung", "[default: 1"],
    "--reduction-factor": ["Keep the best 1/N of trials at each rung", "[default: 3"],
    "--objective": ["nats per token", "the task's main metric", "[default: dev_loss]"],
    "--budget": ["30m or 2h (time)", "40trials (trials started)", "2gpuh", "Default: no limit"],
    "--trial-timeout": ["(90s, 2h)", "Default: no limit"],
    "--stall-timeout": ["time without a training step", "[default: 30m]", "0: never"],
    "--max-failures": ["How often to retry a trial", "[default: 2"],
    "--keep": ["Checkpoints to keep", "no checkpoint unless `all`", "[default: best+last]"],
    "--gpus-per-trial": ["GPUs per trial; 0 trains on the CPU. A fraction", "[default: 0]", "auto"],
    "--cpus-per-trial": ["CPU cores and threads", "[default: 1"],
    "--measure": ["With --dry-run: train for one epoch"],
}


def told_of(option: str) -> str:
    """What the help of `sweep run` says of an option, on one line."""
    text = CliRunner().invoke(main, ["run", "--help"], terminal_width=100).stdout
    blocks = re.split(r"\n  (?=-)", text)
    (block,) = (block for block in blocks if block.split()[0].rstrip(",") == option)
    return " ".join(block.split())


@pytest.mark.parametrize("option", HELP)
def test_help_names_the_unit_and_the_default(option: str) -> None:
    text = told_of(option)
    assert [part for part in HELP[option] if part not in text] == []


def test_help_of_run_comes_in_sections() -> None:
    text = CliRunner().invoke(main, ["run", "--help"]).stdout
    headings = re.findall(r"^([A-Z][\w ]+):$", text, re.MULTILINE)
    assert headings == ["What to run", "Search", "Machine", "Limits", "Output", "Other"]


@pytest.mark.parametrize("written", ["stall-timeout = 0", 'stall-timeout = "0"', 'stall-timeout = "0s"'])
def test_no_limit_may_be_written_in_the_file(sweep: Sweep, written: str) -> None:
    from pathlib import Path

    from sweep.store.run_folder import open_run

    Path("sweep.toml").write_text(written + "\n")
    space = Path("one.py")
    space.write_text('from sweep import Space\nspace = Space(fixed={"epochs": 0}, decoding={"max_new_tokens": 1})\n')
    assert sweep("run", space, "--executor", "inline", "--out", "runs").exit_code == 0
    assert open_run(Path("runs"), "one").spec.limits.stall_timeout is None


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("out = 3", "out = 3 must be a text"),
        ("out = {a = 1}", "out = {'a': 1} must be a text"),
        ('concurrency = "many"', "concurrency = 'many': 'many' is not a valid integer"),
        ("set = 3", "set = 3: Value must be an iterable"),
        ("budget = 3", "budget = 3: "),
    ],
)
def test_a_wrong_value_in_the_file_is_named(sweep: Callable[..., Result], written: str, message: str) -> None:
    Path("sweep.toml").write_text(written + "\n")
    result = sweep("ls")
    assert result.exit_code == 2
    assert f"sweep.toml: {message}" in result.stderr


def test_a_tilde_means_the_home_folder(
    sweep: Callable[..., Result], micro: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    Path("sweep.toml").write_text('out = "~/runs"\n')
    monkeypatch.delenv("SWEEP_OUT")
    assert sweep("run", micro, "--executor", "inline").exit_code == 0
    assert (tmp_path / "home" / "runs" / "micro" / "run.json").is_file()
    assert not Path("~").exists()
