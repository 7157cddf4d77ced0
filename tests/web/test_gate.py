"""The gate as ASGI middleware: what it hands on, and that it holds nothing back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from workbench.core.settings import Access
from workbench.services import Services
from workbench.web.access_middleware import AccessMiddleware
from workbench.web.principals import NOBODY, Principal, principal_of

HOST = (b"host", b"127.0.0.1")
Messages = list[dict[str, Any]]


def scope(kind: str = "http", *headers: tuple[bytes, bytes], **more: Any) -> dict[str, Any]:
    method = {"method": "GET", "scheme": "http"} if kind == "http" else {"scheme": "ws"}
    request = {"path": "/x", "query_string": b"", "headers": [HOST, *headers], "client": ("127.0.0.1", 1)}
    return {"type": kind, **method, **request, **more}


def through(gate: AccessMiddleware, request: dict[str, Any], *incoming: dict[str, Any]) -> Messages:
    """What comes out of the gate."""
    sent: Messages = []
    waiting = list(incoming)

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    with ThreadPoolExecutor(1) as outside:  # where no other test has left an event loop
        outside.submit(asyncio.run, gate(request, receive, send)).result()
    return sent


class App:
    """Remembers what it was asked, and answers in three parts."""

    def __init__(self) -> None:
        self.requests: Messages = []
        self.in_between: list[int] = []

    async def __call__(
        self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        self.requests.append(scope)
        if scope["type"] != "http":
            return
        allowed = [(b"Access-Control-Allow-Origin", b"*"), (b"access-control-allow-credentials", b"true")]
        await send({"type": "http.response.start", "status": 200, "headers": [*allowed, (b"x-own", b"1")]})
        for part in (b"one", b"two", b""):
            await send({"type": "http.response.body", "body": part, "more_body": bool(part)})


def gated(services: Services, app: App, **access: Any) -> AccessMiddleware:
    settings = replace(services.settings, access=Access(**access))
    return AccessMiddleware(app, settings, services.stores.preferences)


def test_parts_are_handed_on_as_they_come(services: Services) -> None:
    app = App()
    start, *parts = through(gated(services, app), scope())
    assert [part["body"] for part in parts] == [b"one", b"two", b""]
    headers = dict(start["headers"])
    assert headers[b"x-own"] == b"1"
    assert not [name for name in headers if name.lower().startswith(b"access-control")]


def test_the_app_learns_who_asks(services: Services) -> None:
    app = App()
    through(gated(services, app), scope(state={"kept": 1}))
    through(gated(services, app, password="x"), scope("http", (b"authorization", b"Bearer x")))
    assert [request["state"]["principal"] for request in app.requests] == [
        Principal("open"),
        Principal("bearer"),
    ]
    assert app.requests[0]["state"]["kept"] == 1
    assert principal_of(None) == NOBODY


@pytest.mark.parametrize(
    ("header", "password"),
    [
        ((b"origin", b"http://evil.example"), ""),
        ((b"sec-fetch-site", b"cross-site"), ""),
        ((b"x", b"y"), "secret"),
    ],
)
def test_a_websocket_from_elsewhere_or_without_a_login_is_closed(
    services: Services, header: tuple[bytes, bytes], password: str
) -> None:
    app = App()
    sent = through(gated(services, app, password=password), scope("websocket", header))
    assert [message["type"] for message in sent] == ["websocket.close"]
    assert app.requests == []


def test_a_websocket_of_our_own_passes(services: Services) -> None:
    app = App()
    own = (b"origin", b"http://127.0.0.1")
    assert through(gated(services, app), scope("websocket", own)) == []
    assert len(app.requests) == 1


def test_the_servers_own_messages_pass(services: Services) -> None:
    app = App()
    through(gated(services, app, password="x"), {"type": "lifespan"})
    assert app.requests == [{"type": "lifespan"}]
