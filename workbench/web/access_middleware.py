"""The outermost middleware: checks host, origin and login of requests, and sets security headers of responses."""

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
from workbench.web.login import LOGIN, LOGOUT, Login, TooManyTries, login_url
from workbench.web.principals import KEY, NOBODY, Principal
from workbench.web.refusal import Refusal

HEALTH = "/healthz"
SPACE_PAGES = "https://huggingface.co"
NO_HOST = "The request names no host, several hosts, or one that cannot be a name. Send one Host header with a name and a port."
UNKNOWN_HOST = "This workbench does not answer to the name “{name}”. If the name is yours, add it to WORKBENCH_ALLOWED_HOSTS and start again."
LOG_IN = "Log in first: open /login in a browser, or send the header “Authorization: Bearer PASSWORD”."


class AccessMiddleware:
    """ASGI middleware for access control; it reads only headers and passes bodies and streams through unchanged.

    Args:
        app: The application that handles allowed requests.
        settings: Allowed hosts and password.
        preferences: Store of the signing key and of ended sessions.
    """

    def __init__(self, app: ASGIApp, settings: Settings, preferences: KeyValue) -> None:
        self.app = app
        self._hosts = allowed_hosts(settings)
        self._space = settings.access.space_host
        self._login = Login(settings, preferences) if settings.access.password else None
        frames = f" {SPACE_PAGES}" if settings.access.on_space else ""
        self._policy = f"frame-ancestors 'self'{frames}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the application, or respond to it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        send_with_headers = self._with_security_headers(send)
        try:
            scope, response = await self._authorize(scope, receive)
        except Refusal as refusal:
            response = refusal_response(scope, refusal)
        except ClientDisconnect:
            return
        if response is None:
            await self.app(scope, receive, send_with_headers)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
        else:
            await response(scope, receive, send_with_headers)

    async def _authorize(self, scope: Scope, receive: Receive) -> tuple[Scope, Response | None]:
        """Authorize a request.

        Returns:
            The scope for the application, and a response if the middleware itself answers.

        Raises:
            Refusal: The request is rejected.
        """
        headers = Headers(scope=scope)
        hosts = self._requested_addresses(headers)
        scheme = self._scheme(scope, headers, hosts[0])
        refuse_foreign(scope, headers, scheme, hosts)
        request = Request({**scope, "type": "http", "method": scope.get("method", "WEBSOCKET")}, receive)
        principal = self._principal(request)
        if self._login and scope["path"] in {LOGIN, LOGOUT}:
            return scope, await self._login.answer(request, scheme == "https")
        state = {**scope.get("state", {}), KEY: principal}
        return {**scope, "headers": _forwarded_headers(scope, hosts), "state": state}, None

    def _requested_addresses(self, headers: Headers) -> list[Address]:
        """The address in ``Host`` and, behind a proxy, the one in ``X-Forwarded-Host``; both must be allowed."""
        forwarded = [value.split(",")[0].strip() for value in headers.getlist("x-forwarded-host")[:1]]
        host_headers = headers.getlist("host")
        parsed = [parse_address(text) for text in [*host_headers, *forwarded]]
        addresses = [address for address in parsed if address]
        if len(host_headers) != 1 or len(addresses) != len(parsed):
            raise Refusal(400, NO_HOST)
        for address in addresses:
            if not self._hosts.allow(address):
                raise Refusal(421, UNKNOWN_HOST.format(name=address.name[:80]))
        return addresses

    def _scheme(self, scope: Scope, headers: Headers, address: Address) -> str:
        """The scheme that the browser uses, ``http`` or ``https``."""
        forwarded = headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
        if forwarded in {"http", "https"}:
            return forwarded
        secure = scope.get("scheme") in {"https", "wss"} or (self._space and address.name == self._space)
        return "https" if secure else "http"

    def _principal(self, request: Request) -> Principal:
        if self._login is None:
            return Principal("open")
        path, is_safe_method = request.scope["path"], request.method in {"GET", "HEAD"}
        if path in {LOGIN, LOGOUT} or (path == HEALTH and is_safe_method):
            return NOBODY
        try:
            principal = self._login.principal(request)
        except TooManyTries as error:
            raise Refusal(429, str(error), {"Retry-After": str(error.seconds)}) from error
        if principal == NOBODY:
            target = login_url(request) if is_safe_method and _is_navigation(request.headers) else ""
            raise Refusal(401, LOG_IN, {"WWW-Authenticate": "Bearer"}, target)
        return principal

    def _with_security_headers(self, send: Send) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(message)
            await send(message)

        return send_with_headers

    def _add_headers(self, message: MutableMapping[str, Any]) -> None:
        """Add security headers to a response, and remove CORS headers that would allow other origins."""
        pairs = message.get("headers", [])
        message["headers"] = [pair for pair in pairs if not pair[0].lower().startswith(b"access-control-")]
        headers = MutableHeaders(raw=message["headers"])
        headers.append("Content-Security-Policy", self._policy)
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        if self._login:
            headers.setdefault("Cache-Control", "private")


def refusal_response(scope: Scope, refusal: Refusal) -> Response:
    """The response for a refusal: a redirect to the login page, text for browsers, or JSON for other clients."""
    if refusal.login:
        return RedirectResponse(refusal.login, 303, {"Cache-Control": "no-store"})
    headers = {"Cache-Control": "no-store", **refusal.headers}
    if _is_navigation(Headers(scope=scope)):
        return PlainTextResponse(refusal.sentence, refusal.status, headers)
    return JSONResponse({"detail": refusal.sentence}, refusal.status, headers)


def _is_navigation(headers: Headers) -> bool:
    """Whether a browser navigates to a page."""
    mode = headers.get("sec-fetch-mode")
    return mode == "navigate" if mode else "text/html" in headers.get("accept", "")


def _forwarded_headers(scope: Scope, hosts: list[Address]) -> list[tuple[bytes, bytes]]:
    """The headers without those that would make Gradio generate URLs for another server."""
    dropped = {b"x-gradio-server", *([] if hosts[1:] else [b"x-forwarded-host"])}
    return [(name, value) for name, value in scope["headers"] if name.lower() not in dropped]
