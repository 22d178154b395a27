"""Write a figure to a file: PDF, SVG or PNG by vl-convert, which needs no browser; or its Vega-Lite source or table."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import vl_convert

from sweep.charts.figure import WIDTH, Figure
from sweep.charts.palette import LIGHT
from sweep.errors import InfrastructureError, UsageError
from sweep.reporting.tables import records_csv
from sweep.store.run_folder import write_file

VEGA_LITE = "6.4"  # the version that Altair writes for
SCALE = 2  # pixels of a PNG for each pixel of the chart


def _pdf(figure: Figure, spec: dict[str, Any]) -> bytes:
    return bytes(vl_convert.vegalite_to_pdf(spec, vl_version=VEGA_LITE))


def _svg(figure: Figure, spec: dict[str, Any]) -> bytes:
    return str(vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE)).encode()


def _png(figure: Figure, spec: dict[str, Any]) -> bytes:
    return bytes(vl_convert.vegalite_to_png({**spec, "background": "white"}, vl_version=VEGA_LITE, scale=SCALE))


def _json(figure: Figure, spec: dict[str, Any]) -> bytes:
    return json.dumps(spec, indent=1).encode()


def _csv(figure: Figure, spec: dict[str, Any]) -> bytes:
    return f"{records_csv(list(figure.columns), figure.records)}\n".encode()


FILES: dict[str, Callable[[Figure, dict[str, Any]], bytes]] = {
    ".pdf": _pdf,
    ".svg": _svg,
    ".png": _png,
    ".json": _json,
    ".csv": _csv,
}


def content(
    figure: Figure,
    suffix: str,
    *,
    width: int | None = None,
    height: int | None = None,
    title: bool = True,
    font: str | None = None,
) -> bytes:
    """Return `figure` in the format of `suffix`, such as ".pdf". Sizes are those of the plot, in pixels of 1/72 inch.

    Raise KeyError if the suffix is unknown.
    """
    chart = (figure.titled if title else figure.sized)(LIGHT, width or WIDTH, height)
    spec = chart.to_dict()
    if font is not None:
        spec["config"]["font"] = font
    return FILES[suffix](figure, spec)


def save(
    figure: Figure, path: Path, *, width: int | None = None, height: int | None = None, title: bool = True
) -> None:
    """Write `figure` to `path`, in the format of its suffix. Raise UsageError if the suffix is unknown."""
    suffix = path.suffix.lower()
    if suffix not in FILES:
        raise UsageError(f"{path}: unknown kind of file. Known: {', '.join(FILES)}")
    write_result(path, content(figure, suffix, width=width, height=height, title=title))


def write_result(path: Path, data: bytes) -> None:
    """Write a file, completely or not at all. Raise InfrastructureError if that is not possible."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, data)
    except OSError as error:
        raise InfrastructureError(f"{path}: cannot be written: {error.strerror}") from error
