"""What can go wrong. The command line prints the message and exits with 2, or with 1 for an InfrastructureError.

InfrastructureError   the disk or Ray failed; the user did nothing wrong

UsageError
+-- SpaceError        a space file, or a setting in it
|   +-- ExtensionError    an optimizer, PEFT method, task or report format from outside this package
+-- RunError          a run folder: its name, its lock, its place on disk
    +-- LedgerError   a ledger that was damaged after it was written
"""


class InfrastructureError(RuntimeError):
    """The tool cannot go on. The message says why and what to do."""


class UsageError(ValueError):
    """Bad input. The message names the thing and the remedy."""


class SpaceError(UsageError):
    """A search space that cannot be."""


class ExtensionError(SpaceError):
    """An extension, named `module:name`, that cannot be imported or is not what it should be."""


class RunError(UsageError):
    """A run that cannot be created, opened or resumed."""


class LedgerError(RunError):
    """A ledger line, other than a torn last one, that is not what was written."""
