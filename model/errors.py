"""The exceptions of `model/`. Each message says what is wrong and how to fix it."""


class SettingError(ValueError):
    """A setting has an unknown name or an invalid value. `key` is its dotted name."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}")
        self.key = key
        self.message = message


class DataError(ValueError):
    """Task data cannot be used. The message names the file and the fix."""


class BaseError(ValueError):
    """A base model cannot be found or read. The message names the file or repository and the fix."""


class HubError(ValueError):
    """A file cannot be downloaded from the hub. The message names the repository and the fix."""


class AbsentError(HubError):
    """A file is not in its repository, or the hub is unreachable and the file is not in the cache."""


class CheckpointError(ValueError):
    """A checkpoint is damaged or missing."""


class DivergedError(ArithmeticError):
    """A loss became NaN or infinite."""

    def __init__(self, epoch: int, loss: float, split: str) -> None:
        super().__init__(f"the {split} loss became {loss} in epoch {epoch}")
        self.epoch = epoch
        self.loss = loss
