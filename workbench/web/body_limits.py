"""Bounds what comes in one call: a body is kept in memory, and what JSON becomes takes far more room than its text."""

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
_BODIES = {"POST", "PUT", "PATCH", "DELETE"}


class BodyLimit:
    """ASGI middleware: whatever is sent, other than uploads, is small.

    Args:
        app: What answers; it finds the body as it came.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request.

        Raises:
            HTTPException: Its body is too large.
        """
        if scope["type"] != "http" or scope["method"] not in _BODIES or scope["path"].rstrip("/") == UPLOAD:
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        if body is not None:
            await self._app(scope, _replayed(body, receive), send)


async def _read(receive: Receive) -> bytes | None:
    """The body of a request; None where the client has gone.

    Raises:
        HTTPException: It is too large. It is read to its end even so, since a client listens only when it has sent everything.
    """
    parts: list[bytes] = []
    size = values = 0
    more = True
    while more and size <= LONGEST_LISTENED:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part, more = message.get("body", b""), message.get("more_body", False)
        size += len(part)
        values += part.count(b",") + part.count(b"[") + part.count(b"{")
        if size > MOST_BYTES or values > MOST_VALUES:
            parts.clear()
        else:
            parts.append(part)
    if size > MOST_BYTES or values > MOST_VALUES:
        raise HTTPException(413, TOO_LARGE)
    return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
