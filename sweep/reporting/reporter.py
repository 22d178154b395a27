"""The interface through which a session shows its progress."""

from typing import Protocol

from sweep.store.state import RunState


class ProgressReporter(Protocol):
    """Shows a run's progress."""

    def changed(self, state: RunState, trial_id: str) -> None:
        """Show that a trial has a new status or has finished an epoch."""
        ...

    def note(self, message: str) -> None:
        """Show a message to the user."""
        ...


class SilentReporter:
    """A progress reporter that shows nothing and keeps the messages in `notes`."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def changed(self, state: RunState, trial_id: str) -> None:
        pass

    def note(self, message: str) -> None:
        self.notes.append(message)
