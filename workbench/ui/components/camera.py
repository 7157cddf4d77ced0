"""Camera components: one that classifies frames continuously, and one that records bursts."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import gradio as gr
import numpy as np

from workbench.core.errors import RejectedPicture
from workbench.imaging.bounded_decoder import BoundedDecoder
from workbench.imaging.memory_budget import PATIENCE
from workbench.ui.components.assets import mounting

VIEW = """<div class="view"><video playsinline muted aria-label="What the camera sees"></video>
<button type="button" class="lens">Start the camera</button><p class="problem" role="alert"></p>NOTE</div>"""
ANSWERS = f"""<div class="camera" data-instead="Use the Picture section instead.">{VIEW}<div class="camera-answer"></div></div>""".replace(
    "NOTE", "<p class='note'>What the camera sees is classified and not kept.</p>"
)
BURST = f"""<div class="camera burst" data-instead="Choose files instead.">{VIEW}
<label>Class of what it sees<input type="text" maxlength="60" autocomplete="off" placeholder="Type or choose one"><datalist></datalist></label>
<button type="button" class="record" disabled>Hold to record</button>
<p class="count" role="status"></p><div class="frames"></div>
<div class="acts"><button type="button" class="keep">Add</button><button type="button" class="drop">Throw away</button></div>
<p class="note">Up to six pictures a second while you hold the button or the space bar. Pictures of one burst look alike; look-alikes
always land on the same side of the split, so that they cannot flatter the figures.</p></div>""".replace(
    "NOTE", ""
)
LARGEST_FRAME = 4_000_000
NO_FRAME = "The camera sent no picture. Stop it and start it again."


def camera(predict_unlogged: Callable[[Any], str], model: str, elem_id: str) -> gr.HTML:
    """Build a camera whose frames are classified.

    Args:
        predict_unlogged: The server function, called by this name; returns HTML for ``{"picture": data URL, "model": name}``.
        model: The initial model; updates set the prop ``model``.
        elem_id: The element's id in the page.
    """
    return gr.HTML(
        html_template=ANSWERS,
        js_on_load=mounting("camera/live_answers.js"),
        server_functions=[predict_unlogged],
        model=model,
        elem_id=elem_id,
    )


def burst_camera(elem_id: str) -> gr.HTML:
    """Build a camera that records pictures while a button is held.

    Its event ``keep`` carries ``{"files": uploaded files, "label": class or ""}``. Set the result as the prop ``answer``:
    ``{"taken": number, "label": class}``, or ``{"problem": sentence}``, with a ``serial`` that differs each time. The prop
    ``classes`` lists the classes to choose from.

    Args:
        elem_id: The element's id in the page.
    """
    return gr.HTML(
        html_template=BURST,
        js_on_load=mounting("camera/burst.js", events=("keep",)),
        classes=[],
        answer={},
        elem_id=elem_id,
    )


def decode_frame(address: Any, decoder: BoundedDecoder) -> np.ndarray:
    """Decode a frame from a ``data:`` URL to pixels ``(height, width, 3) uint8``.

    Raises:
        RejectedPicture: It is not a picture, or too large.
        Overloaded: No decoder became free in time.
    """
    head, _, text = str(address).partition(",")
    if not head.startswith("data:image/") or len(text) > LARGEST_FRAME:
        raise RejectedPicture(NO_FRAME)
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise RejectedPicture(NO_FRAME) from error
    with decoder.decoded(data, timeout=PATIENCE, max_pixels=LARGEST_FRAME) as decoded:
        return np.asarray(decoded.image)
