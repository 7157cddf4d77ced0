"""A camera in the page, whose frames are answered one after another and never written down."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import gradio as gr
import numpy as np

from workbench.errors import RejectedPicture
from workbench.pictures import decode
from workbench.ui.components.scripts import script

TEMPLATE = """<div class="camera"><div class="view"><video playsinline muted aria-label="What the camera sees"></video>
<button type="button">Start the camera</button><p class="problem" role="alert"></p>
<p class="note">What the camera sees is classified and not kept.</p></div>
<div class="camera-answer"></div></div>"""
LARGEST_FRAME = 4_000_000
NO_FRAME = "The camera sent no picture. Stop it and start it again."


def camera(glance: Callable[[Any], str], model: str, elem_id: str) -> gr.HTML:
    """Build the camera.

    Args:
        glance: Called ``glance`` in the page; gives the HTML to show for ``{"picture": data address, "model": name}``.
        model: The model asked at first; later ones are set as the prop ``model``.
        elem_id: The element's id in the page.
    """
    return gr.HTML(
        html_template=TEMPLATE,
        js_on_load=script("camera.js"),
        server_functions=[glance],
        model=model,
        elem_id=elem_id,
    )


def frame_of(address: Any) -> np.ndarray:
    """The pixels of a frame ``(height, width, 3) uint8`` that came as a ``data:`` address.

    Raises:
        RejectedPicture: It is no picture, or too large for a frame.
    """
    head, _, text = str(address).partition(",")
    if not head.startswith("data:image/") or len(text) > LARGEST_FRAME:
        raise RejectedPicture(NO_FRAME)
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise RejectedPicture(NO_FRAME) from error
    return np.asarray(decode(data, LARGEST_FRAME).image)
