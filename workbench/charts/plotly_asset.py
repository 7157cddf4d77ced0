"""Plotly's JavaScript for figures that are updated in place; served from the plotly package, without a CDN."""

from __future__ import annotations

import functools
import gzip

from plotly import __version__ as version
from plotly.offline import get_plotlyjs

ADDRESS = f"/plotly-{version}.js"


@functools.cache
def packed_library() -> bytes:
    """Plotly's JavaScript, compressed with gzip."""
    return gzip.compress(get_plotlyjs().encode(), 6, mtime=0)
