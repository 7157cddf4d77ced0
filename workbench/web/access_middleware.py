"""The outermost layer of the server: which hosts, which pages and who may ask, and the headers of every answer."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storage.core.key_value import KeyValue
from workbench.core.addresses import Address, parse_address
from workbench.core.settings import Settings
from workbench.web.allowed_hosts import allowed_hosts
from workbench.web.csrf import refuse_foreign
from workbench.web.login import LOGIN, LOGOUT, Login, TooManyTries, login_address
from workbench.web.principals import KEY, NOBODY, Principal
from workbench.web.refusal import Refusal

HEALTH = "/healthz"
SPACE_PAGES = "https://huggingface.co"
NO_HOST = "The request names no host, several hosts, or one that cannot be a name. Send one Host header with a name and a port."
UNKNOWN_HOST = "This workbench does not answer to the name “{name}”. If the name is yours, add it to WORKBENCH_ALLOWED_HOSTS and start again."
LOG_IN = "Log in first: open /login in a browser, or send the header “Authorization: Bearer PASSWORD”."


class AccessMiddleware:
    """ASGI middleware that looks at the head of a request only; bodies and streams pass untouched.

    Args:
        app: What answers the requests that are let through.
        settings: Hosts and password.
        preferences: Where sessions are remembered.
    """

    def __init__(self, app: ASGIApp, settings: Settings, preferences: KeyValue) -> None:
        self.app = app
        self._hosts = allowed_hosts(settings)
        self._space = settings.access.space_host
        self._login = Login(settings, preferences) if settings.access.password else None
        frames = f" {SPACE_PAGES}" if settings.access.on_space else ""
        self._policy = f"frame-ancestors 'self'{frames}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        guarded = self._guarded(send)
        try:
            scope, answer = await self._admitted(scope, receive)
        except Refusal as refusal:
            answer = refused(scope, refusal)
        except ClientDisconnect:
            return
        if answer is None:
            await self.app(scope, receive, guarded)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
        else:
            await answer(scope, receive, guarded)

    async def _admitted(self, scope: Scope, receive: Receive) -> tuple[Scope, Response | None]:
        """The scope to hand on, and the answer where the gate gives it itself.

        Raises:
            Refusal: The request may not pass.
        """
        headers = Headers(scope=scope)
        hosts = self._addresses(headers)
        scheme = self._scheme(scope, headers, hosts[0])
        refuse_foreign(scope, headers, scheme, hosts)
        request = Request({**scope, "type": "http", "method": scope.get("method", "WEBSOCKET")}, receive)
        principal = self._principal(request)
        if self._login and scope["path"] in {LOGIN, LOGOUT}:
            return scope, await self._login.answer(request, scheme == "https")
        state = {**scope.get("state", {}), KEY: principal}
        return {**scope, "headers": _passed_on(scope, hosts), "state": state}, None

    def _addresses(self, headers: Headers) -> list[Address]:
        """The address that was asked for, and the one that a proxy was asked for; both are ours."""
        forwarded = [value.split(",")[0].strip() for value in headers.getlist("x-forwarded-host")[:1]]
        given = headers.getlist("host")
        parsed = [parse_address(text) for text in [*given, *forwarded]]
        addresses = [address for address in parsed if address]
        if len(given) != 1 or len(addresses) != len(parsed):
            raise Refusal(400, NO_HOST)
        for address in addresses:
            if not self._hosts.allow(address):
                raise Refusal(421, UNKNOWN_HOST.format(name=address.name[:80]))
        return addresses

    def _scheme(self, scope: Scope, headers: Headers, address: Address) -> str:
        """``http`` or ``https`` as the browser sees it."""
        forwarded = headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
        if forwarded in {"http", "https"}:
            return forwarded
        secure = scope.get("scheme") in {"https", "wss"} or (self._space and address.name == self._space)
        return "https" if secure else "http"

    def _principal(self, request: Request) -> Principal:
        if self._login is None:
            return Principal("open")
        path, safe = request.scope["path"], request.method in {"GET", "HEAD"}
        if path in {LOGIN, LOGOUT} or (path == HEALTH and safe):
            return NOBODY
        try:
            principal = self._login.principal(request)
        except TooManyTries as error:
            raise Refusal(429, str(error), {"Retry-After": str(error.seconds)}) from error
        if principal == NOBODY:
            target = login_address(request) if safe and _is_navigation(request.headers) else ""
            raise Refusal(401, LOG_IN, {"WWW-Authenticate": "Bearer"}, target)
        return principal

    def _guarded(self, send: Send) -> Send:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(message)
            await send(message)

        return sent

    def _add_headers(self, message: MutableMapping[str, Any]) -> None:
        """Add the headers of every answer, and drop what would open it to pages of other origins (CORS)."""
        pairs = message.get("headers", [])
        message["headers"] = [pair for pair in pairs if not pair[0].lower().startswith(b"access-control-")]
        headers = MutableHeaders(raw=message["headers"])
        headers.append("Content-Security-Policy", self._policy)
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        if self._login:
            headers.setdefault("Cache-Control", "private")


def refused(scope: Scope, refusal: Refusal) -> Response:
    """A refusal as an answer: a sentence to read in a browser, JSON for programs, the login page where that helps."""
    if refusal.login:
        return RedirectResponse(refusal.login, 303, {"Cache-Control": "no-store"})
    headers = {"Cache-Control": "no-store", **refusal.headers}
    if _is_navigation(Headers(scope=scope)):
        return PlainTextResponse(refusal.sentence, refusal.status, headers)
    return JSONResponse({"detail": refusal.sentence}, refusal.status, headers)


def _is_navigation(headers: Headers) -> bool:
    """Whether a browser wants a page to show."""
    mode = headers.get("sec-fetch-mode")
    return mode == "navigate" if mode else "text/html" in headers.get("accept", "")


def _passed_on(scope: Scope, hosts: list[Address]) -> list[tuple[bytes, bytes]]:
    """The headers without those that would make Gradio write its addresses for another server."""
    dropped = {b"x-gradio-server", *([] if hosts[1:] else [b"x-forwarded-host"])}
    return [(name, value) for name, value in scope["headers"] if name.lower() not in dropped]
