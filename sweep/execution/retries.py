"""Which failed trials a session tries again."""

from dataclasses import dataclass, field

from sweep.store.failure import Failure


@dataclass
class Retries:
    """Counts failures.

    A trial is tried again `limit` times if its worker was lost, and once, on a whole GPU, if it lacked memory on a
    shared one.
    """

    limit: int  # --max-failures
    shares_gpu: bool  # whether several trials share a GPU
    _lost: dict[str, int] = field(default_factory=dict)  # trial -> how often its worker was lost
    _alone: set[str] = field(default_factory=set)  # trials that get a whole GPU

    def is_due(self, trial_id: str, failure: Failure) -> bool:
        """Note a failure and return whether the trial is tried again."""
        if failure is Failure.OUT_OF_GPU_MEMORY:
            due = self.shares_gpu and trial_id not in self._alone
            self._alone.add(trial_id)
            return due
        if not failure.is_retried:
            return False
        self._lost[trial_id] = self._lost.get(trial_id, 0) + 1
        return self._lost[trial_id] <= self.limit

    def is_alone(self, trial_id: str) -> bool:
        """Return whether the trial gets a whole GPU."""
        return trial_id in self._alone
