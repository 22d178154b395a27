"""What a run is doing right now: working, finished, stopped or killed."""

from sweep.errors import RunError
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, find_result, full_plan, suggestions_left
from sweep.store.status import Status


def activity(folder: RunFolder, state: RunState) -> str:
    """Return what the run is doing, in one word, with the command that resumes it if it is unfinished."""
    if is_locked(folder):
        return "working"
    if not is_unfinished(folder, state):
        return "idle"
    word = "killed" if was_killed(state) else "stopped" if state.sessions else "not started"
    return f"{word}; resume with: {folder.command('resume')}"


def is_locked(folder: RunFolder) -> bool:
    """Return whether a process is working on the run."""
    try:
        with folder.lock():
            return False
    except RunError:
        return True


def stamp(folder: RunFolder) -> tuple[bool, float, int]:
    """Return what changes when the run does: whether a process works on it, and the time and size of its ledger."""
    try:
        found = folder.ledger.stat()
    except OSError:
        return is_locked(folder), 0.0, 0
    return is_locked(folder), found.st_mtime, found.st_size


def is_unfinished(folder: RunFolder, state: RunState) -> bool:
    """Return whether another session would have something to train."""
    points = full_plan(folder.spec, state).points
    return suggestions_left(folder.spec, state) > 0 or any(
        find_result(state, point) is None and state.trial(point.trial_id).status.is_open for point in points
    )


def is_computed(folder: RunFolder, state: RunState) -> bool:
    """Return whether another session would have nothing to train, nor a failed trial to retry."""
    points = full_plan(folder.spec, state).points
    failed = any(state.trial(point.trial_id).status == Status.FAILED for point in points)
    return not failed and not is_unfinished(folder, state)


def was_killed(state: RunState) -> bool:
    """Return whether the last session of an unfinished run was killed rather than stopped.

    A session that stops gracefully leaves no trial RUNNING, and at least one INTERRUPTED unless its budget was spent.
    """
    found = {trial.status for trial in state.trials.values()}
    if Status.RUNNING in found:
        return True
    return bool(state.sessions) and Status.INTERRUPTED not in found and state.sessions[-1].limits.budget is None
