"""Export a point of a run to a folder, with its model card, or a whole run to another tool."""

import importlib
from pathlib import Path

from sweep.export.adapter import BASE, hub_id
from sweep.export.card import model_card
from sweep.export.registry import FORMATS, RUN_FORMATS, check_free, whole_folder
from sweep.export.trained import TrainedModel, load_trained
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state
from sweep.tracking.record import records
from sweep.tracking.registry import TRACKERS, check_installed, make_tracker, show


def export_model(run: RunFolder, point_id: str | None, folder: Path, form: str) -> TrainedModel:
    """Write a point's model (default: the best point's) to `folder` in the format `form`; return the model.

    Raise RunError if the point has no such form or no checkpoint, UsageError if `folder` is not empty.
    """
    check_free(folder)
    trained = load_trained(run, point_id)
    chosen = FORMATS[form]
    write = getattr(importlib.import_module(chosen.module), chosen.write)
    card = model_card(trained, form, _loading(trained, form, folder.name))

    def fill(place: Path) -> None:
        write(trained, place)
        (place / "README.md").write_text(card, encoding="utf-8")

    whole_folder(folder, fill)
    return trained


def export_run(run: RunFolder, to: Path, form: str) -> str:
    """Write all points of a run to `to` in the format `form`, and return what was written, in words.

    Raise RunError if no point has ended yet, UsageError if `to` cannot take the run.
    """
    if form in TRACKERS:
        check_installed(form)
        check_free(to)
        return f"{show(make_tracker(form, to, run.name), records(run, load_state(run)))} points for {form}"
    chosen = RUN_FORMATS[form]
    written: str = getattr(importlib.import_module(chosen.module), chosen.write)(run, to)
    return written


def _loading(trained: TrainedModel, form: str, folder: str) -> str:
    kind = "AutoModelForSequenceClassification" if trained.labels else "AutoModelForCausalLM"
    options = f", num_labels={len(trained.labels)}" if trained.labels else ""
    base = hub_id(trained) or f"{folder}/{BASE}"
    return FORMATS[form].loading.format(kind=kind, folder=folder, base=base, options=options)
