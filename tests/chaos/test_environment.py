"""F16: unusual environments: a home that is missing or not a folder, an invalid cluster address, paths with spaces and
non-ASCII letters, long paths, small limits. The run has its usual result, or an error says what is wrong.
"""

import resource
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest

from tests.chaos.conftest import Whole
from tests.chaos.hooks import small_object_store
from tests.chaos.invariants import check_end, gone, says
from tests.chaos.processes import Commands, Hook

pytestmark = [pytest.mark.fault("F16"), pytest.mark.timeout(300)]
EPOCHS = ("--set", "epochs=5")
RUN = (*EPOCHS, "--no-cache", "--name", "r", "--out")
JUNK = "ray://nowhere.invalid:1"
LETTERS = "so nn\u00e9ts \u2014 \u8a69 'x'"
LONG = "/".join(["a-long-name-of-a-folder-that-goes-on"] * 4)  # longer than a socket's path may be
Environment = Mapping[str, str | None]
CASES = [
    pytest.param({"HOME": None}, LETTERS, {}, None, id="no home, letters"),
    pytest.param({"HOME": "/dev/null/home"}, "out", {}, None, id="home is no folder"),
    pytest.param({"RAY_ADDRESS": JUNK}, "out", {}, None, id="RAY_ADDRESS"),
    pytest.param({"TMPDIR": LONG}, LONG, {}, None, id="long paths"),
    pytest.param({}, "out", {resource.RLIMIT_NOFILE: 1024}, partial(small_object_store, 80), id="small limits"),
]


@pytest.mark.parametrize(("environment", "out", "limits", "hook"), CASES)
@pytest.mark.parametrize("executor", ["inline", pytest.param("ray", marks=pytest.mark.chaos)])
def test_it_is_as_it_always_is(
    executor: str,
    environment: Environment,
    out: str,
    limits: Mapping[int, int],
    hook: Hook | None,
    commands: Commands,
    micro: Path,
    tmp_path: Path,
    whole: Whole,
    count: Callable[[int], None],
) -> None:
    changed = dict(environment)
    if (temporary := changed.get("TMPDIR")) is not None:
        (tmp_path / temporary).mkdir(parents=True)
        changed["TMPDIR"] = str(tmp_path / temporary)
    command = commands(
        "run", micro, *RUN, tmp_path / out, "--executor", executor, environment=changed, limits=limits, hook=hook
    )
    says(command, 0)
    check_end(tmp_path / out / "r", whole(*EPOCHS))
    gone([], command.pid)
    count(1)


@pytest.mark.chaos
def test_no_process_may_be_started(
    commands: Commands, micro: Path, tmp_path: Path, count: Callable[[int], None]
) -> None:
    """Ray cannot start: one line says so, and the way on."""
    out = tmp_path / "out"
    command = commands("run", micro, *RUN, out, limits={resource.RLIMIT_NOFILE: 40})
    assert command.wait() in (1, 2), command.stderr
    assert "Traceback" not in command.stderr
    gone([], command.pid)
    count(1)
