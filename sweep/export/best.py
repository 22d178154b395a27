"""The best point of a run, in a few lines."""

from model.task_specs import TASKS
from sweep.reporting.leaderboard import rows
from sweep.reporting.numbers import setting_text
from sweep.reporting.points import best_row
from sweep.reporting.verdicts.follow_up_text import run_conclusions
from sweep.reporting.verdicts.study import Study
from sweep.store.run_folder import RunFolder
from sweep.store.state import full_plan, load_state


def best_text(folder: RunFolder) -> str:
    """Return the best point, its scores and settings, and what the run says of it. Raise RunError if there is none."""
    state = load_state(folder)
    ranked = rows(folder, state)
    row = best_row(folder, ranked)
    (point,) = (one for one in full_plan(folder.spec, state).points if one.point_id == row["point_id"])
    scores = dict.fromkeys((row["metric"], *TASKS[row["task"]].metrics, "dev_loss"))
    figures = ", ".join(f"{name} {row[name]:.4g}" for name in scores if row.get(name) is not None)
    settings = "\n".join(f"  {key} = {setting_text(value)}" for key, value in point.settings.items())
    lines = [
        f"point {row['point_id']} of {folder.name}: {figures}",
        settings,
        *run_conclusions(folder.spec, state, Study(ranked)),
        f"use it with `sweep export {folder.name} --to DIR` or `sweep generate {folder.name} --prompt TEXT`",
    ]
    return "\n".join(lines)
