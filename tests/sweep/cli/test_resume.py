"""A run that dies at any moment and is resumed ends like an uninterrupted one."""

import random
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
from tests.sweep.conftest import essence

Spawn = Callable[[Sequence[object]], "Popen[str]"]
SEED = 7  # of the moments at which runs are killed; printed by pytest with the test's values when it fails


def finished_trials(run: RunFolder) -> dict[str, int]:
    """Trials that ended well, with the attempt that did it."""
    trials = load_state(run).trials
    return {name: trial.attempt for name, trial in trials.items() if trial.status is Status.COMPLETED}


def test_killed_at_random_moments(spawn: Spawn, sweep: Callable[..., Result], micro: Path, out: Path) -> None:
    longer = ["--set", "epochs=15", "--executor", "inline", "--name", "r"]
    assert sweep("run", micro, *longer, "--out", f"{out}-whole").exit_code == 0
    moments = random.Random(SEED)
    run, done = RunFolder(out / "r"), dict[str, int]()
    for _ in range(3):
        process = spawn(["run", micro, *longer])
        before = run.ledger.stat().st_size if run.ledger.exists() else 0
        while not run.ledger.exists() or run.ledger.stat().st_size == before:
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        time.sleep(moments.uniform(0.0, 1.2))
        process.kill()
        process.wait()
        now = finished_trials(run)
        assert done.items() <= now.items()
        done = now
    process = spawn(["run", micro, *longer])
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert essence(run.path) == essence(Path(f"{out}-whole") / "r")
    assert done.items() <= finished_trials(run).items()


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
