"""Event files, read back by TensorBoard, equal the ledger."""

from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from sweep.export.write import export_run
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state
from sweep.tracking.record import records
from tests.sweep.curves import Killed, trains
from tests.sweep.tracking.sessions import session

Shown = dict[str, dict[str, list[tuple[int, float]]]]


def shown(folder: Path) -> Shown:
    """The scalars of each point's folder, by name: all of its steps, in order."""
    found: Shown = {}
    for place in sorted(folder.iterdir()):
        events = EventAccumulator(str(place), size_guidance={"scalars": 0})
        events.Reload()
        scalars = {tag: [(one.step, one.value) for one in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
        found[place.name.rpartition("-")[2]] = scalars
    return found


def expected(run: RunFolder) -> Shown:
    """The same from the ledger, in 32 bits: each step once."""
    found: Shown = {}
    for record in records(run, load_state(run)):
        names = dict.fromkeys(name for values in record.epochs.values() for name in values)
        found[record.point_id[:6]] = {
            name: [
                (epoch, float(np.float32(values[name]))) for epoch, values in record.epochs.items() if name in values
            ]
            for name in names
        }
    return found


def test_a_run_equals_the_ledger(stopped: RunFolder) -> None:
    assert session(stopped, trains(), "tensorboard") == []
    found = shown(stopped.path / "tensorboard")
    assert found == expected(stopped)
    assert len(found) == 16
    assert {1, 9} <= {len(one["dev_loss"]) for one in found.values()}  # some were stopped
    assert any("chrf" in one for one in found.values())


@pytest.mark.parametrize("reports", [1, 7, 20])
def test_a_killed_run_has_no_doubled_steps(stopped: RunFolder, reports: int) -> None:
    with pytest.raises(Killed):
        session(stopped, trains(last_word=reports), "tensorboard")
    session(stopped, trains(), "tensorboard")
    assert shown(stopped.path / "tensorboard") == expected(stopped)


def test_an_export_equals_the_ledger(stopped: RunFolder, tmp_path: Path) -> None:
    session(stopped, trains())
    assert export_run(stopped, tmp_path / "events", "tensorboard") == "16 points for tensorboard"
    assert shown(tmp_path / "events") == expected(stopped)


def test_settings_groups_and_status_are_shown(stopped: RunFolder, tmp_path: Path) -> None:
    session(stopped, trains())
    export_run(stopped, tmp_path / "events", "tensorboard")
    known = {record.point_id[:6]: record for record in records(stopped, load_state(stopped))}
    for place in (tmp_path / "events").iterdir():
        record = known[place.name.rpartition("-")[2]]
        events = EventAccumulator(str(place))
        events.Reload()
        assert events.Tensors("status/text_summary")[0].tensor_proto.string_val[0].decode().startswith(record.status)
        contents = events.PluginTagToContent("hparams")
        start = HParamsPluginData.FromString(contents["_hparams_/session_start_info"]).session_start_info
        assert start.group_name == record.group
        assert start.hparams["lora.rank"].number_value == record.settings["lora.rank"]
        assert place.name.startswith(f"lora.rank={record.settings['lora.rank']}_lora.dropout=")
        assert f"_seed_{record.seed}-" in place.name
