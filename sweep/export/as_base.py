"""A trained model of a run as the base of another: `--base RUN@POINT`."""

import re
from pathlib import Path

from sweep.errors import RunError

FROM_RUN = re.compile(r"(?P<run>[^@]+)@(?P<point>[0-9a-f]*|best)")  # no hub id holds an @
EXPORTS = "exports"  # folder within a run


def resolve_base(base: str | None, out: Path, place: Path | None = None) -> str | None:
    """Return the folder of the trained model that RUN@POINT names, exporting it first if needed; other bases as is.

    An export that is not there yet is written to `place` (default: a folder within the run).

    RUN@ and RUN@best name the best point. The folder lies within the run, so the new run's base says where it comes
    from. Raise RunError if there is no such run, point or checkpoint, or if the model has a classifier.
    """
    found = FROM_RUN.fullmatch(base or "")
    if base is None or found is None or Path(base).exists():
        return base
    from sweep.export.write import export_model
    from sweep.reporting.points import find_point
    from sweep.store.locate import find_run

    run = find_run(out, found["run"])
    wanted = found["point"]
    point = find_point(run, None if wanted in ("", "best") else wanted)
    kept = run.path / EXPORTS / point.point_id
    folder = kept if place is None or kept.is_dir() else place / point.point_id
    if point.train.has_head:
        raise RunError(f"--base {base}: this model predicts classes, but a base predicts tokens; choose another point")
    if not folder.is_dir():
        export_model(run, point.point_id, folder, "hf")
    return str(folder)
