"""What can go wrong, as exceptions. The command line prints their one line and exits with 2, or 1 for a Breakdown.

Breakdown             no fault of the user's: the disk, or Ray

UsageError
+-- SpaceError        a space file, or a setting in it
+-- RunError          a run folder: its name, its lock, its place on disk
    +-- LedgerError   a ledger that was damaged after it was written
"""


class Breakdown(RuntimeError):
    """The tool cannot go on. The message says why and what to do."""


class UsageError(ValueError):
    """Bad input. The message names the thing and the remedy."""


class SpaceError(UsageError):
    """A search space that cannot be."""


class RunError(UsageError):
    """A run that cannot be created, opened or resumed."""


class LedgerError(RunError):
    """A ledger line, other than a torn last one, that is not what was written."""
