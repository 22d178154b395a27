"""The state of a run, computed from the events of its ledger. Only `apply` changes it; queries do not."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from sweep.errors import LedgerError
from sweep.planning.plan import Plan, Point
from sweep.planning.provenance import Provenance
from sweep.store.events import (
    CachedEvent,
    ConfirmedEvent,
    Cost,
    EpochEvent,
    Event,
    Losses,
    PointResult,
    Score,
    SessionEvent,
    SettledEvent,
    StatusEvent,
    SuggestedEvent,
)
from sweep.store.failure import Failure
from sweep.store.ledger import read_ledger
from sweep.store.run_folder import RunFolder
from sweep.store.run_spec import RunSpec
from sweep.store.status import Status, check_transition


@dataclass(frozen=True)
class EpochRecord:
    """The losses, cost and metric of one epoch of a trial."""

    losses: Losses
    cost: Cost
    metric: float | None = None  # the task's main metric, if the scheduler needed it


@dataclass(frozen=True)
class ScoreRecord:
    """A score, and the epoch, attempt and time that it comes from."""

    score: Score
    epoch: int
    attempt: int
    time: str  # UTC, ISO 8601


@dataclass
class TrialState:
    """The state of one trial."""

    status: Status = Status.PENDING
    attempt: int = 0
    reason: str | None = None
    failure: Failure | None = None  # why, if FAILED
    rung: int | None = None  # the epoch at which a scheduler stopped the trial
    loss: str | None = None  # the loss, as text, if it diverged
    epochs: dict[int, EpochRecord] = field(default_factory=dict)
    seconds: float = 0.0  # that workers have spent on the trial, up to its last event
    began: float = 0.0  # the time of its last event, in seconds since its session began
    started_at: str | None = None  # UTC, ISO 8601
    ended_at: str | None = None

    @property
    def known_epoch(self) -> int:
        """Return the last epoch before the first gap: all epochs up to it are known."""
        epoch = 0
        while epoch + 1 in self.epochs:
            epoch += 1
        return epoch

    @property
    def latest(self) -> EpochRecord | None:
        """Return the record of the latest epoch, or None before the first epoch has ended."""
        return self.epochs[epoch] if (epoch := max(self.epochs, default=0)) else None


@dataclass
class RunState:
    """The state of a run."""

    trials: dict[str, TrialState] = field(default_factory=dict)
    scores: dict[str, ScoreRecord] = field(default_factory=dict)  # by point_id
    cached: dict[str, CachedEvent] = field(default_factory=dict)  # by point_id
    sessions: list[SessionEvent] = field(default_factory=list)
    suggestions: list[SuggestedEvent] = field(default_factory=list)  # what the search suggested, in order
    reached: dict[int, list[str]] = field(default_factory=dict)  # epoch -> trials that reached it, in order
    seconds: list[float] = field(default_factory=list)  # the duration of each session
    places: dict[str, str] = field(default_factory=dict)  # of bases and data that were moved, by name
    settled: SettledEvent | None = None  # the decision of a sequential comparison
    confirmations: list[ConfirmedEvent] = field(default_factory=list)

    def trial(self, trial_id: str) -> TrialState:
        """Return the state of a trial; one that the ledger does not know is PENDING."""
        return self.trials.get(trial_id) or TrialState()

    def apply(self, event: Event) -> None:
        """Update the state with one event. An event of a replaced attempt is a late message and is ignored."""
        match event:
            case SessionEvent():
                self.sessions.append(event)
                self.seconds.append(0.0)
                self.places.update(event.places or {})
            case SuggestedEvent():
                self.suggestions.append(event)
            case SettledEvent():
                self.settled = event
            case ConfirmedEvent():
                self.confirmations.append(event)
            case CachedEvent():
                self.cached[event.point_id] = event
            case StatusEvent() | EpochEvent():
                self._apply_to_trial(event)
        if self.seconds:
            self.seconds[-1] = max(self.seconds[-1], event.elapsed)

    def _apply_to_trial(self, event: StatusEvent | EpochEvent) -> None:
        trial = self.trials.setdefault(event.trial_id, TrialState())
        if event.attempt < trial.attempt:
            return
        if trial.status == Status.RUNNING:
            trial.seconds += max(0.0, event.elapsed - trial.began)  # below 0 if a killed session left it running
        trial.began = event.elapsed
        if isinstance(event, EpochEvent):
            self._take_results(trial, event)
        if event.status is not None:
            _take_status(trial, event, event.status)

    def _take_results(self, trial: TrialState, event: EpochEvent) -> None:
        if event.losses is not None and event.cost is not None and event.epoch not in trial.epochs:
            trial.epochs[event.epoch] = EpochRecord(event.losses, event.cost, event.metric)
            self.reached.setdefault(event.epoch, []).append(event.trial_id)
        for score in event.scores:
            record = ScoreRecord(score, event.epoch, event.attempt, event.time)
            self.scores.setdefault(score.point_id, record)


def _take_status(trial: TrialState, event: StatusEvent | EpochEvent, after: Status) -> None:
    try:
        check_transition(trial.status, after)
    except ValueError as error:
        raise LedgerError(f"the ledger contradicts itself in line {event.seq}: {error}") from error
    trial.status, trial.attempt = after, event.attempt
    trial.reason, trial.failure = event.reason, event.failure
    trial.rung, trial.loss = (event.rung, event.loss) if isinstance(event, EpochEvent) else (None, None)
    trial.started_at = trial.started_at or event.time
    trial.ended_at = None if after == Status.RUNNING else event.time


def fold(events: Iterable[Event]) -> RunState:
    """Return the state after `events`."""
    state = RunState()
    for event in events:
        state.apply(event)
    return state


def load_state(folder: RunFolder) -> RunState:
    """Return the state of the run in `folder`, empty if there is no ledger. Raise LedgerError if it is damaged."""
    return fold(read_ledger(folder.ledger)) if folder.ledger.exists() else RunState()


def full_plan(spec: RunSpec, state: RunState) -> Plan:
    """Return all points of a run: those of its initial plan and those that its search has suggested."""
    suggested = [point for event in state.suggestions for point in event.resolved()]
    return Plan((*spec.plan.points, *suggested)) if suggested else spec.plan


def known_provenance(spec: RunSpec, state: RunState) -> Provenance:
    """Return the provenance of a run, with its bases and data where the latest session found them."""
    return spec.provenance.moved(state.places)


def suggestions_left(spec: RunSpec, state: RunState) -> int:
    """Return how many more points the run's search will suggest; 0 if all points were known from the start.

    For a sequential comparison it is 1 until the comparison is decided, since their number is not known.
    """
    if spec.settle is not None:
        return int(state.settled is None)
    return (spec.tune_config.num_samples or 0) - len(state.suggestions) if spec.search_space is not None else 0


def find_result(state: RunState, point: Point) -> PointResult | None:
    """Return the result of a finished point (cached, or scored after its full number of epochs), or None."""
    if (cached := state.cached.get(point.point_id)) is not None:
        return cached.record
    found = state.scores.get(point.point_id)
    trial = state.trials.get(point.trial_id)
    if found is None or trial is None or found.epoch != point.epochs:
        return None
    epoch, losses = scored_epoch(trial, point, found.epoch)
    return PointResult(
        metrics=found.score.metrics,
        samples=found.score.samples,
        decode_seconds=found.score.decode_seconds,
        epoch=epoch,
        losses=losses,
        cost=trial.epochs[found.epoch].cost,
        attempt=found.attempt,
        started_at=trial.started_at,
        ended_at=found.time,
    )


def scored_epoch(trial: TrialState, point: Point, reached: int) -> tuple[int, Losses]:
    """Return the epoch whose weights `point` was scored with at epoch `reached` of its trial, and the losses to report.

    Train and dev loss are those of that epoch; time, tokens and the best epoch are those at `reached`.
    """
    losses = trial.epochs[reached].losses
    if not point.train.keep_best_epoch:
        return reached, losses
    best = trial.epochs[losses.best_epoch].losses
    return losses.best_epoch, replace(
        losses, epoch=losses.best_epoch, train_loss=best.train_loss, dev_loss=best.dev_loss
    )
