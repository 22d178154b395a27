"""The error of this package."""


class StatisticsError(ValueError):
    """Too little data for what was asked. The message says how much is needed."""


def require(enough: bool, what: str) -> None:
    """Raise StatisticsError with the message `what` unless there is enough data."""
    if not enough:
        raise StatisticsError(what)
