"""Updates of changed components only, so that unchanged charts keep their zoom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

Keys = dict[str, Any]
PartUpdates = Mapping[str, tuple[Any, Callable[[], Any]]]


def changed_updates(previous: Keys, parts: PartUpdates) -> tuple[list[Any], Keys]:
    """The update of each part whose key differs from before, and ``gr.skip()`` for the others.

    Args:
        previous: The key of each part in the last update.
        parts: The current key of each part, and a function that makes its update.

    Returns:
        The updates in order, and the keys to pass next time.
    """
    updates = [
        gr.skip() if previous.get(name) == key else make_update()
        for name, (key, make_update) in parts.items()
    ]
    return updates, {name: key for name, (key, _) in parts.items()}
