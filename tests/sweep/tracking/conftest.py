"""A run for the trackers."""

from pathlib import Path

import pytest

from sweep.planning.config import TuneConfig
from sweep.prepare import RunRequest, prepare
from sweep.store.run_folder import RunFolder


@pytest.fixture
def stopped(micro: Path, out: Path) -> RunFolder:
    """A run of nine epochs with early stopping that has not started."""
    settings = ("epochs=9", "lora.rank=1,2,3,4")
    tune_config = TuneConfig(scheduler="asha", seeds=2)
    return prepare(RunRequest(space=str(micro), out=out, settings=settings, tune_config=tune_config)).open_or_create()
