"""TensorBoard: one folder of event files for each point. Event files hold numbers in 32 bits."""

import re
from pathlib import Path

from tensorboardX import SummaryWriter
from tensorboardX.proto.api_pb2 import Status as SessionStatus
from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData
from tensorboardX.summary import hparams

from sweep.store.status import Status
from sweep.tracking.record import Record

EVENTS = "events.out.tfevents.*"
OUTCOMES = {Status.FAILED: "STATUS_FAILURE", Status.DIVERGED: "STATUS_FAILURE"}  # the others: success


class TensorBoard:
    """Writes event files. Those of an earlier session are replaced: they may end in the middle of an epoch."""

    def __init__(self, folder: Path, run: str, *, live: bool = False) -> None:
        self.folder = folder
        self._written: dict[str, Record] = {}  # the latest record of each point
        self._writers: dict[str, SummaryWriter] = {}

    def update(self, record: Record) -> None:
        before = self._written.get(record.point_id)
        if before == record:
            return
        writer = self._writers.get(record.point_id) or self._open(record, is_new=before is None)
        shown = before.epochs if before else {}
        for epoch, values in record.epochs.items():
            for name, value in values.items():
                if name not in shown.get(epoch, {}):
                    writer.add_scalar(name, value, epoch)
        if record.has_ended:
            self._end(writer, record)
        writer.flush()
        self._written[record.point_id] = record
        if record.has_ended:
            self._writers.pop(record.point_id).close()

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()

    def _open(self, record: Record, *, is_new: bool) -> SummaryWriter:
        name = re.sub(r"[^\w.=+-]+", "_", record.name)[:100]
        folder = self.folder / f"{name}-{record.point_id[:6]}"
        for left in folder.glob(EVENTS) if is_new else ():
            left.unlink()
        self._writers[record.point_id] = SummaryWriter(str(folder))
        return self._writers[record.point_id]

    @staticmethod
    def _end(writer: SummaryWriter, record: Record) -> None:
        """Write the status, and the settings for the page HPARAMS."""
        names = dict.fromkeys(name for values in record.epochs.values() for name in values)
        experiment, start, end = hparams(dict(record.settings), dict.fromkeys(names, 0.0))
        for summary in (start, end):
            data = summary.value[0].metadata.plugin_data
            content = HParamsPluginData.FromString(data.content)
            if summary is start:
                content.session_start_info.group_name = record.group
            else:
                outcome = OUTCOMES.get(record.status, "STATUS_SUCCESS")
                content.session_end_info.status = SessionStatus.Value(outcome)
            data.content = content.SerializeToString()
        for summary in (experiment, start, end):
            writer.file_writer.add_summary(summary)
        writer.add_text("status", " ".join(filter(None, (record.status, record.reason))))
