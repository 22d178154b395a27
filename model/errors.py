"""The errors of `model/`. Every message names the thing and the remedy."""


class SettingError(ValueError):
    """A setting with a wrong name or value. `key` is its dotted name."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}")
        self.key = key
        self.message = message


class DataError(ValueError):
    """Task data that cannot be used. The message names the file and the remedy."""


class BaseError(ValueError):
    """A base that cannot be found or read. The message names the file or repository and the remedy."""


class HubError(ValueError):
    """A file that a hub does not give. The message names the repository and the remedy."""


class AbsentError(HubError):
    """A file that is not in a repository, or not in the cache while the hub is out of reach."""


class CheckpointError(ValueError):
    """A checkpoint that is damaged or missing."""


class DivergedError(ArithmeticError):
    """A loss is no longer a finite number."""

    def __init__(self, epoch: int, loss: float, split: str) -> None:
        super().__init__(f"the {split} loss became {loss} in epoch {epoch}")
        self.epoch = epoch
        self.loss = loss
