"""Send only what has changed, so that nothing on the page jumps or loses its zoom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

Keys = dict[str, Any]
Wanted = Mapping[str, tuple[Any, Callable[[], Any]]]


def changed(previous: Keys, parts: Wanted) -> tuple[list[Any], Keys]:
    """The update of each part whose key differs from before, and ``gr.skip()`` for the others.

    Args:
        before: The key of each part as it was sent last.
        wanted: For each part its present key, and what makes its update.

    Returns:
        The updates in order, and the keys to hand in next time.
    """
    updates = [
        gr.skip() if previous.get(name) == key else make_update()
        for name, (key, make_update) in parts.items()
    ]
    return updates, {name: key for name, (key, _) in parts.items()}
