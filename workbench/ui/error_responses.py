"""HTTP error responses: always JSON with one sentence, as ``error`` and as ``detail``."""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from traceback import walk_tb
from typing import Any

import gradio as gr
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from gradio.route_utils import FnIndexInferError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storage.core.errors import DomainError
from workbench.ui.call_validation import WRONG_VALUES
from workbench.ui.error_boundary import sentence
from workbench.ui.stream_errors import replace_error_text

log = logging.getLogger(__name__)
ROUTES, OUR_PACKAGES = "gradio.routes", {"workbench", "storage"}
NOTHING_HERE = "There is nothing at this address."
NO_ENDPOINT = "There is no endpoint of this name; /gradio_api/info lists them."
NOT_THERE = "The page or a part of it that this call names is not there. Reload the page and try again."
WRONG_USE = "This address cannot be used this way."
_DEFAULT_MESSAGES = {404: NOTHING_HERE, 403: "This may not be read here.", 401: "Log in first."}
# Gradio's routes that the page and its clients use. The others read or write files, fetch URLs or act for a session.
_USED_ROUTES = re.compile(
    r"/|/config/?|/(static|assets)/.+|/(favicon\.ico|theme\.css|robots\.txt|manifest\.json|pwa_icon(/.*)?)"
    r"|/gradio_api/((run|api)/[^/]+/?|call/[^/]+/?|call/[^/]+/[^/]+/?|call/v2/[^/]+/[^/]+|heartbeat/[^/]+"
    r"|queue/(join|data|status)|cancel|reset/?|component_server/?|upload|upload_progress"
    r"|info/?|openapi\.json|app_id/?|user/?|login_check/?|startup-events|theme\.css)"
)


def error_response(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """A JSON error response."""
    text = message.encode("utf-8", "replace").decode()
    return JSONResponse({"error": text, "detail": text}, status, headers)


def _http_error(request: Request, error: Any) -> JSONResponse:
    is_default = error.detail in (None, HTTPStatus(error.status_code).phrase)
    message = _DEFAULT_MESSAGES.get(error.status_code, WRONG_USE) if is_default else str(error.detail)
    return error_response(
        error.status_code, message if message.endswith((".", "!", "?")) else f"{message}.", error.headers
    )


def _invalid_request(request: Request, error: Any) -> JSONResponse:
    faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:5]]
    return error_response(400, f"This request is not understood ({'; '.join(faults)}).")


HANDLERS: dict[Any, Any] = {HTTPException: _http_error, RequestValidationError: _invalid_request}


class ErrorSentences:
    """ASGI middleware: an exception of a route is logged and answered with a sentence instead of a bare 500."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI request."""
        start: Message | None = None

        async def send_checked(message: Message) -> None:
            nonlocal start
            start = start or message
            if message["type"] == "http.response.body" and _is_event_stream(start):
                message = {**message, "body": replace_error_text(message.get("body", b""))}
            await send(message)

        try:
            await self._app(scope, receive, send_checked)
        except Exception as error:
            if scope["type"] != "http":
                raise
            if start is None:
                await error_response(*_describe(error))(scope, receive, send)
            elif _is_event_stream(start):
                # Its last event carried the error; closing it abruptly would look like a lost connection.
                log.info("a stream of events ended early: %r", error)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                raise


def _is_event_stream(start: Message) -> bool:
    kinds = [value for name, value in start.get("headers", []) if name.lower() == b"content-type"]
    return any(kind.startswith(b"text/event-stream") for kind in kinds)


class RouteAllowlist:
    """ASGI middleware: answers 404 on every Gradio route that the page and its clients do not use."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI request."""
        if scope["type"] == "http" and not _USED_ROUTES.fullmatch(scope["path"]):
            await error_response(404, NOTHING_HERE)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _describe(error: Exception) -> tuple[int, str]:
    if isinstance(error, HTTPException):
        return error.status_code, str(error.detail)
    if isinstance(error, gr.Error):
        return 400, str(error.message)
    if isinstance(error, DomainError | OverflowError):
        return 400, sentence(error)
    if isinstance(error, FnIndexInferError):
        return 404, NO_ENDPOINT
    if isinstance(error, LookupError | TypeError | ValueError) and _raised_by_gradio(error):
        log.warning("Gradio does not understand a request: %r", error)
        return (404, NOT_THERE) if isinstance(error, LookupError) else (400, WRONG_VALUES)
    return 500, sentence(error)


def _raised_by_gradio(error: Exception) -> bool:
    """Whether Gradio raised the error while parsing a request, and not our own code below one of its routes."""
    names = [frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__)]
    if ROUTES not in names:
        return False
    below = names[names.index(ROUTES) :]
    return not any(name.split(".")[0] in OUR_PACKAGES for name in below)
