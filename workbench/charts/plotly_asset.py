"""The drawing library of the page, for figures that are changed in place; from the plotly package, so that nothing comes from outside."""

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
