"""Pictures embedded in the page as data URLs."""

from __future__ import annotations

import base64
from html import escape

import numpy as np
from PIL import Image

from workbench.imaging.decode import encode_image


def frame(picture: np.ndarray, name: str) -> str:
    """A picture ``(256, 256, 3) uint8`` as an HTML image with a name."""
    data = base64.b64encode(encode_image(Image.fromarray(picture), "JPEG", quality=85)).decode()
    title = escape(name)
    return f"<img src='data:image/jpeg;base64,{data}' alt='{title}' title='{title}' width='256' height='256'>"
