"""Limits request bodies, since they are kept in memory and parsed JSON takes far more memory than its text."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MEGABYTE = 1024 * 1024
MOST_BYTES = 16 * MEGABYTE
MOST_VALUES = 500_000
LONGEST_LISTENED = 1024 * MEGABYTE
UPLOAD = "/gradio_api/upload"
TOO_LARGE = (
    f"This call is larger than calls may be ({MOST_BYTES // MEGABYTE} MB, {MOST_VALUES:,} values). Make several of it; files are "
    "uploaded, not sent in a call."
)
_METHODS_WITH_BODY = {"POST", "PUT", "PATCH", "DELETE"}


class BodyLimit:
    """ASGI middleware that limits the size of all request bodies except uploads.

    Args:
        app: The application; it receives the complete body in one message.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request.

        Raises:
            HTTPException: The body is too large.
        """
        if (
            scope["type"] != "http"
            or scope["method"] not in _METHODS_WITH_BODY
            or scope["path"].rstrip("/") == UPLOAD
        ):
            await self._app(scope, receive, send)
            return
        body = await _read_body(receive)
        if body is not None:
            await self._app(scope, _replay_body(body, receive), send)


async def _read_body(receive: Receive) -> bytes | None:
    """Read the body of a request; None if the client has disconnected.

    Raises:
        HTTPException: The body is too large. It is still read (up to ``LONGEST_LISTENED``), since many clients read the
            response only after they have sent everything.
    """
    chunks: list[bytes] = []
    size = values = 0
    more_body = True
    while more_body and size <= LONGEST_LISTENED:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk, more_body = message.get("body", b""), message.get("more_body", False)
        size += len(chunk)
        values += chunk.count(b",") + chunk.count(b"[") + chunk.count(b"{")
        if size > MOST_BYTES or values > MOST_VALUES:
            chunks.clear()
        else:
            chunks.append(chunk)
    if size > MOST_BYTES or values > MOST_VALUES:
        raise HTTPException(413, TOO_LARGE)
    return b"".join(chunks)


def _replay_body(body: bytes, receive: Receive) -> Receive:
    is_sent = False

    async def receive_body() -> Message:
        nonlocal is_sent
        if is_sent:
            return await receive()
        is_sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_body
