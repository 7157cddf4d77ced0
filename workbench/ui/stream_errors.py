"""Error events in Gradio's event streams: the text of an exception is replaced by a sentence."""

from __future__ import annotations

import json
import logging
import re

from workbench.ui.error_boundary import UNEXPECTED

log = logging.getLogger(__name__)
NO_CALL = "There is no such call, or its answer was given already. Make the call again."
# An event may be processed twice: the middleware wraps Gradio's app and the whole app.
SAFE_MESSAGES = {NO_CALL, UNEXPECTED, "Server stopped unexpectedly."}
# The format of ``/queue/data``, and that of ``/call``, where the error of a function is an object, not a text.
_ERROR_EVENTS = (
    re.compile(rb'data: (\{.*"msg":"unexpected_error".*\})\n\n', re.DOTALL),
    re.compile(rb'event: error\ndata: (".*")\n\n', re.DOTALL),
)


def replace_error_text(event: bytes) -> bytes:
    """The event, with its error text replaced if it is an error event.

    Args:
        event: One whole event as Gradio writes it.
    """
    for pattern in _ERROR_EVENTS:
        if match := pattern.fullmatch(event):
            return event[: match.start(1)] + _replace_message(match[1]) + b"\n\n"
    return event


def _replace_message(text: bytes) -> bytes:
    message = json.loads(text)
    original = message["message"] if isinstance(message, dict) else message
    replacement = _safe_message(str(original))
    return json.dumps(
        {**message, "message": replacement} if isinstance(message, dict) else replacement
    ).encode()


def _safe_message(message: str) -> str:
    if message.startswith("404"):
        return NO_CALL
    if message in SAFE_MESSAGES:
        return message
    log.error("a stream of events failed: %s", message)
    return UNEXPECTED
