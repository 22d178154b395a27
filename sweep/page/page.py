"""Write the report of runs as one HTML file that needs no other file and no network."""

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from sweep.charts.figure import Figure
from sweep.charts.palette import DARK, LIGHT, PAGE, Palette
from sweep.charts.save import write_result
from sweep.charts.source import Source
from sweep.errors import RunError
from sweep.page.sections import RunPage, run_page
from sweep.page.vega import vega_script
from sweep.reporting.printable import printable
from sweep.reporting.tables import json_ready

ASSETS = Path(__file__).parent / "assets"


def write_page(sources: Sequence[Source], path: Path) -> None:
    """Write the page of `sources` to `path`, completely or not at all. Raise RunError if a run has no row."""
    write_result(path, page(sources).encode())


def page(sources: Sequence[Source], *, renew: tuple[str, str] | None = None) -> str:
    """Return the page of `sources` as HTML.

    `renew` is an address on the page's own server and the version that it named for this page: the page asks it again
    and again, and loads anew when the answer changes. None: the page asks for nothing. Raise RunError if two runs have
    the same name, or one has no row.
    """
    names = [source.folder.name for source in sources]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise RunError(f"two runs are named {twice!r}: name each run once, or rename one with `sweep mv`")
    runs = [run_page(source) for source in sources]
    style = _style()
    scripts = [vega_script(), _asset("page.js")]
    return _template().render(
        title=", ".join(run.name for run in runs),
        runs=runs,
        style=Markup(style),
        scripts=[Markup(script) for script in scripts],
        policy=_policy(style, scripts, renew is not None),
        charts=Markup(_json(_charts(runs))),
        renew=renew,
    )


def _policy(style: str, scripts: Sequence[str], is_served: bool) -> str:
    """Return the content security policy: the scripts and styles of the page run, nothing is loaded or sent."""
    rules = {
        "default-src": "'none'",
        "script-src": " ".join(map(_hash, scripts)),
        "style-src": _hash(style),
        "img-src": "data:",  # the empty icon, which keeps a browser from asking for one
        "base-uri": "'none'",
        "form-action": "'none'",
        **({"connect-src": "'self'"} if is_served else {}),
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _charts(runs: Sequence[RunPage]) -> dict[str, Any]:
    """Return the specification of each chart, and the dataset and columns of its table, by the id of its place."""
    return {
        f"{run.name}-{figure.name}": _chart(figure)
        for run in runs
        for section in (run.scores, *run.sections, run.timeline)
        for figure in section.figures
    }


def _chart(figure: Figure) -> dict[str, Any]:
    spec = figure.sized(PAGE, "container").to_dict()
    wanted = json.loads(json.dumps(list(figure.records)))
    data = next(name for name, entries in spec["datasets"].items() if entries == wanted)
    return {"spec": spec, "data": data, "columns": list(figure.columns.items())}


def _json(value: Any) -> str:
    """Return `value` as JSON that cannot end the script element that holds it."""
    text = json.dumps(json_ready(value), separators=(",", ":"), allow_nan=False)
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def _style() -> str:
    """Return the style sheet: the colours of charts in light and dark, and the layout."""
    dark = f"@media screen and (prefers-color-scheme: dark) {{\n:root {{\n{_variables(DARK)}\n}}\n}}"
    return f":root {{\n{_variables(LIGHT)}\n}}\n{dark}\n{_asset('page.css')}"


def _variables(palette: Palette) -> str:
    return "\n".join(f"{name}: {colour};" for name, colour in palette.variables().items())


@cache
def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["visible"] = printable
    return environment.from_string(_asset("page.html"))
