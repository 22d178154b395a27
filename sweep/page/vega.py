"""The scripts that draw the charts of a page, from the package vl-convert, so that a page asks nobody for them."""

from functools import cache

import vl_convert

from sweep.charts.save import VEGA_LITE


@cache
def vega_script() -> str:
    """Return Vega, Vega-Lite and vega-embed as one script (about 0.9 MB), which sets `window.vegaEmbed`."""
    script = str(vl_convert.javascript_bundle(vl_version=VEGA_LITE))  # type: ignore[call-arg]  # it needs no snippet
    return script.replace("</script", r"<\/script").replace("<!--", r"<\!--")
