"""Runs the command in a separate process, forked from one that has already imported everything."""

import contextlib
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["__main__", "tests.chaos.zygote"])
ENVIRONMENT = {  # of the process that is forked: libraries are not to start threads in it
    "TOKENIZERS_PARALLELISM": "false",
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # pyarrow's allocator
}
PATIENCE = 60  # seconds for a process to end by itself

Hook = Callable[[], None]


@dataclass
class Command:
    """A started command."""

    process: BaseProcess
    output: Path  # its stdout goes here, its stderr beside it
    started: float = field(default_factory=time.monotonic)

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, and wait."""
        self.process.kill()
        self.wait()

    @property
    def ended(self) -> bool:
        return self.process.exitcode is not None

    def wait(self) -> int:
        """The exit code; minus the signal that ended it."""
        self.process.join(PATIENCE)
        assert self.process.exitcode is not None, f"it goes on after {PATIENCE} s: {self.stderr}"
        return self.process.exitcode

    @property
    def stdout(self) -> str:
        return self.output.read_text()

    @property
    def stderr(self) -> str:
        return self.output.with_suffix(".err").read_text()


def wait_for_epochs(run: Path, number: int, command: Command) -> None:
    """Until the ledger of `run` tells `number` epochs, or the command has ended."""
    ledger, deadline = run / "ledger.jsonl", time.monotonic() + PATIENCE
    while not ledger.exists() or ledger.read_bytes().count(b'"event":"epoch"') < number:
        if command.ended:
            return
        assert time.monotonic() < deadline, f"no progress: {command.stderr}"
        time.sleep(0.003)


class Commands:
    """Starts commands, and ends those that are left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[Command] = []
        folder.mkdir(exist_ok=True)

    def __call__(
        self,
        *arguments: object,
        environment: Mapping[str, str | None] | None = None,
        limits: Mapping[int, int] | None = None,
        hook: Hook | None = None,
    ) -> Command:
        """`environment`: changes to it, None takes a variable away. `hook`: called first; of a module, so that it
        can be sent."""
        output = self.folder / f"{len(self.started)}.out"
        told = [str(argument) for argument in arguments]
        process = CONTEXT.Process(  # type: ignore[attr-defined]
            target=_command, args=(told, self.folder, output, dict(environment or {}), dict(limits or {}), hook)
        )
        process.start()
        command = Command(process, output)
        self.started.append(command)
        return command

    def run(self, *arguments: object, **options: object) -> Command:
        """Start a command and wait for its end."""
        command = self(*arguments, **options)  # type: ignore[arg-type]
        command.wait()
        return command

    def end(self) -> None:
        for command in self.started:
            if not command.ended:
                command.kill()
            command.process.close()


def _command(
    arguments: Sequence[str],
    folder: Path,
    output: Path,
    environment: Mapping[str, str | None],
    limits: Mapping[int, int],
    hook: Hook | None,
) -> None:
    for path, descriptor in ((output, 1), (output.with_suffix(".err"), 2)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.chdir(folder)
    os.environ["HF_HUB_OFFLINE"] = "1"
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))
    if hook is not None:
        hook()
    sys.argv = ["sweep", *arguments]
    from sweep.cli.commands import main

    main(list(arguments))


def zygote_threads() -> int:
    """Start the process that is forked, if need be; its number of threads, as a child of it finds them noted."""
    child = CONTEXT.Process(target=_tell_threads)  # type: ignore[attr-defined]
    child.start()
    child.join(PATIENCE)
    return int(child.exitcode)


def _tell_threads() -> None:
    raise SystemExit(sys.modules["tests.chaos.zygote"].THREADS)
