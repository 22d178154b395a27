"""The charts of a run in Python: `run.plot.curves()` returns an Altair chart, which a notebook shows."""

import altair as alt

from sweep.charts.palette import LIGHT
from sweep.charts.registry import CHARTS
from sweep.charts.source import Options, open_source
from sweep.store.run_folder import RunFolder


class Plots:
    """The charts of a run, drawn from its ledger as it is now. Each raises RunError if the run has nothing to draw."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder

    def scores(self, y: str | None = None) -> alt.LayerChart:
        """Return the score of each configuration with its interval, its baseline and the luck line."""
        return self._draw("scores", Options(y=y))

    def effects(self, y: str | None = None) -> alt.LayerChart:
        """Return the effect of each value of each setting with its interval, or the share of each setting."""
        return self._draw("effects", Options(y=y))

    def methods(self, y: str | None = None) -> alt.LayerChart:
        """Return what LoRA, SMART, SOAP and decoding add to the same configuration without them."""
        return self._draw("methods", Options(y=y))

    def curves(self, y: str | None = None, by: str | None = None) -> alt.LayerChart:
        """Return the learning curves of `y` (default: dev_loss), coloured by the setting `by`."""
        return self._draw("curves", Options(y=y, by=by))

    def slice(self, setting: str | None = None, y: str | None = None) -> alt.LayerChart:
        """Return the score over the values of `setting`, by default the one that explains most."""
        return self._draw("slice", Options(x=setting, y=y))

    def parallel(self, y: str | None = None) -> alt.LayerChart:
        """Return parallel coordinates of the settings and the score."""
        return self._draw("parallel", Options(y=y))

    def cost(self, x: str | None = None, y: str | None = None) -> alt.LayerChart:
        """Return the score against `x`: train_seconds (default), trainable_share or peak_memory_bytes."""
        return self._draw("cost", Options(x=x, y=y))

    def rungs(self) -> alt.LayerChart:
        """Return what early stopping did at each rung, or would have done."""
        return self._draw("rungs", Options())

    def timeline(self) -> alt.LayerChart:
        """Return when each trial ran."""
        return self._draw("timeline", Options())

    def _draw(self, kind: str, options: Options) -> alt.LayerChart:
        return CHARTS[kind](open_source(self._folder), options, LIGHT).titled(LIGHT)
