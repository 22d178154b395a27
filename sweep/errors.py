"""The errors of this package. The command line prints the message and exits with 2, or 1 for an InfrastructureError.

InfrastructureError   the disk or Ray failed, through no fault of the user

UsageError
+-- SpaceError        in a space file or one of its settings
|   +-- SourceError       a base or data that cannot be found or used
|   +-- ExtensionError    an optimizer, PEFT method, task or report format from outside this package
+-- RunError          with a run folder: its name, its lock, its place on disk
    +-- LedgerError   a ledger that was damaged after it was written
"""


class InfrastructureError(RuntimeError):
    """The tool cannot continue. The message says why and what to do."""


class UsageError(ValueError):
    """Invalid input. The message says what is wrong and how to fix it."""


class SpaceError(UsageError):
    """A search space that is invalid."""


class SourceError(SpaceError):
    """A base or data that cannot be found or used. `setting` is "base" or "data"."""

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(message)
        self.setting = setting


class ExtensionError(SpaceError):
    """An extension, named `module:name`, that cannot be imported or has the wrong type."""


class RunError(UsageError):
    """A run that cannot be created, opened or resumed."""


class LedgerError(RunError):
    """A ledger with a damaged line; an incomplete last line does not count."""
