"""Stopping a run and resuming it from the command line. tests/chaos kills runs at random moments."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import Popen

from click.testing import Result

from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state
from sweep.store.status import Status

Spawn = Callable[[Sequence[object]], "Popen[str]"]


def finished_trials(run: RunFolder) -> set[str]:
    """The trials that are COMPLETED."""
    return {name for name, trial in load_state(run).trials.items() if trial.status is Status.COMPLETED}


def test_interrupt_exits_130_and_names_the_resume_command(
    spawn: Spawn, sweep: Callable[..., Result], micro: Path, out: Path
) -> None:
    longer = ["--set", "epochs=15", "--executor", "inline", "--name", "r"]
    process = spawn(["run", micro, *longer])
    run = RunFolder(out / "r")
    while not run.ledger.exists() or '"event":"epoch"' not in run.ledger.read_text():
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert f"resume with: sweep resume r --out {out}" in stderr
    assert "INTERRUPTED" in stdout or "PENDING" in stdout
    assert sweep("resume", "r").exit_code == 0
    assert len(finished_trials(run)) == 5


def test_finished_run_imports_neither_ray_nor_torch(sweep: Callable[..., Result], micro: Path, out: Path) -> None:
    """They take seconds, which a finished run, or one that is all in the cache, would wait for."""
    assert sweep("run", micro, "--executor", "inline", "--name", "r").exit_code == 0
    for command in (["resume", "r"], ["resume", "r", "--executor", "ray"], ["run", micro, "--name", "again"]):
        code = (
            "import sys\nfrom sweep.cli.commands import main\n"
            "try:\n    main(sys.argv[1:])\n"
            "finally:\n    print({'ray', 'torch'} & set(sys.modules))"
        )
        arguments = [*map(str, command), "--out", str(out)]
        ended = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.splitlines()[-1] == "set()"
