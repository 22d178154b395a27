"""GPUs that break workers: who broke how many, and which are not used any more."""

from dataclasses import dataclass, field

MOST_TRIALS = 3  # a GPU that broke the workers of so many different trials is at fault, not the trials


@dataclass(frozen=True, order=True)
class Card:
    """A GPU of a machine, as a worker sees it."""

    machine: str  # host name
    node: str  # Ray's id of the machine
    gpu: str  # as in CUDA_VISIBLE_DEVICES of a worker that has it

    def __str__(self) -> str:
        return f"GPU {self.gpu} of {self.machine}"


@dataclass
class CardRecord:
    """The GPUs that broke workers in this session."""

    retired: list[Card] = field(default_factory=list)  # not used any more, in the order in which they were given up
    _broken: dict[Card, set[str]] = field(default_factory=dict)  # GPU -> trials whose workers it broke

    def broke(self, card: Card, trial_id: str) -> bool:
        """Note that `card` broke the worker of a trial. Return whether it is given up now."""
        trials = self._broken.setdefault(card, set())
        trials.add(trial_id)
        if len(trials) < MOST_TRIALS or card in self.retired:
            return False
        self.retired.append(card)
        return True
