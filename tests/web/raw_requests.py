"""Requests with exactly the headers that a test wants, as curl would send them."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from urllib.parse import urlencode

from tests.running import Server

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def sentence(self) -> str:
        return json.loads(self.body)["detail"]

    @property
    def cookie(self) -> str:
        """``name=value`` of the cookie that was set."""
        return self.headers["Set-Cookie"].split(";")[0]


@dataclass(frozen=True)
class Ask:
    """A request; ``headers`` may repeat a name, and hold no Host at all."""

    path: str = "/"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    host: str | None = "127.0.0.1"


def send(server: Server, ask: Ask) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.putrequest(ask.method, ask.path, skip_host=True, skip_accept_encoding=True)
    headers = [*([("Host", ask.host)] if ask.host is not None else []), *ask.headers]
    for name, value in headers:
        connection.putheader(name, value)
    if ask.body:
        connection.putheader("Content-Length", str(len(ask.body)))
    connection.endheaders(ask.body or None)
    response = connection.getresponse()
    stream = response.headers.get("Content-Type", "").startswith("text/event-stream")
    answer = Answer(response.status, response.headers, b"" if stream else response.read())
    connection.close()
    return answer


def get(server: Server, path: str, **headers: str) -> Answer:
    return send(server, Ask(path, headers=_named(headers)))


def post(server: Server, path: str, body: bytes = b"{}", **headers: str) -> Answer:
    merged = {"Content_Type": "application/json", **headers}
    return send(server, Ask(path, "POST", _named(merged), body))


def log_in(server: Server, password: str, target: str = "", **headers: str) -> Answer:
    body = urlencode({"password": password, "next": target}).encode()
    return send(server, Ask("/login", "POST", (*FORM.items(), *_named(headers)), body))


def _named(headers: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name.replace("_", "-"), value) for name, value in headers.items())
