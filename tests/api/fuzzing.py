"""Calls that no page and no careful script makes, the same ones for the same seed."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from tests.api.forged_files import JSON, Attacked
from workbench.ui.error_boundary import UNEXPECTED

# Of exceptions and of the server's own files, in whatever a caller is told.
TRACES = re.compile(r"Traceback|File \"|\b[A-Z]\w*(?:Error|Exception)\b|site-packages|\.py\b")
NUMBERS = (0, 1, -1, 2, 7, 60, 2**31, 2**63 - 1, 2**63, 2**70, -(2**70), 10**4000, 0.5, -0.0, 1e308)
NO_NUMBERS = (float("nan"), float("inf"), float("-inf"))
TEXTS = (
    *("", " ", "Full", "Half", "v1", "production", "1", "9" * 23, "-1", "1e5", "newest", "flag:blurred", "x" * 20_000),
    *("\ud800", "a\udfffb", "\u202egnp", "\0", "a\nb", "CON", "a:b", "..", ".", "../../etc/passwd", "/etc/passwd"),
    *("<script>alert(1)</script>", "{{x}} ${1+1}", "'; DROP TABLE images; --", "=1+1", "😀" * 50, "%00", "%ff"),
)  # fmt: skip
WORDS = (
    *("press", "picked", "value", "group", "size", "to", "event", "part", "id", "text", "cursor", "true", "predicted"),
    *("label", "image", "revision", "orders", "kind", "pictures", "count", "filter", "operation", "variant", "x", "y"),
    *("holder", "ids", "name", "names", "colour", "picture", "model", "job", "run", "act", "files", "tag", "add", "remove"),
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """A call, and how it is made; ``send`` gives the status and what was said."""

    what: str
    send: Callable[[], tuple[int, str]]


class Fuzzer:
    """Makes up calls of everything that a server has.

    Args:
        target: The server.
        seed: Of what is random.
    """

    def __init__(self, target: Attacked, seed: int) -> None:
        self._target = target
        self._random = random.Random(seed)
        self._forged = list(target.forged().values())
        self._functions = target.functions()
        self._public = [function for function in self._functions if function["api_visibility"] == "public"]
        self._components = target.component_functions()
        info = target.http.get("/gradio_api/info").json()["named_endpoints"]
        self._defaults = {
            name.removeprefix("/"): [part.get("parameter_default") for part in endpoint["parameters"]]
            for name, endpoint in info.items()
        }

    def calls(self, count: int) -> list[Call]:
        """So many calls."""
        kinds = (self._named, self._private, self._queued, self._component, self._own, self._raw)
        chosen = self._random.choices(kinds, weights=(8, 14, 3, 4, 4, 3), k=count)
        return [kind() for kind in chosen]

    def _named(self) -> Call:
        name = self._random.choice(self._public)["api_name"]
        data = self._data(self._defaults.get(name, []))
        way = self._random.choice(("run", "run", "api", "call"))
        if way == "call":
            return Call(f"call {name} {data!r:.300}", lambda: _streamed(self._target, name, data))
        body = self._body(data)
        return Call(f"{way} {name} {body!r:.300}", lambda: self._post(f"{way}/{name}", body))

    def _private(self) -> Call:
        function = self._random.choice(self._functions)
        body = self._body(self._data([None] * len(function["inputs"])))
        body |= {"fn_index": function["id"], "event_data": self._event(), "trigger_id": self._trigger()}
        return Call(f"function {_named(function)} {body!r:.600}", lambda: self._post("run/x", body))

    def _queued(self) -> Call:
        function, session = self._random.choice(self._functions), f"fuzz-{self._random.random()}"
        body: dict[str, Any] = {
            "data": self._data([None] * len(function["inputs"])),
            "fn_index": function["id"],
        }
        body |= {"event_data": self._event(), "session_hash": session}

        def send() -> tuple[int, str]:
            status, text = self._post("queue/join", body)
            if status != 200:
                return status, text
            return 200, self._target.http.get("/gradio_api/queue/data", params={"session_hash": session}).text

        return Call(f"queue {_named(function)} {body!r:.600}", send)

    def _component(self) -> Call:
        number, name = self._random.choice(self._components)
        body = {"data": self._event(), "component_id": number, "fn_name": name, "session_hash": "fuzz"}
        if self._random.random() < 0.3:
            body[self._random.choice(list(body))] = self._value()
        return Call(f"component {name} {body!r:.400}", lambda: self._post("component_server", body))

    def _own(self) -> Call:
        part = self._text().encode("utf-8", "replace").decode().replace("\0", "%00")[:2000]
        path = self._random.choice(
            ("/imports/{}.csv", "/exports/{}", "/media/{}/thumbnail.jpg", "/media/{}/{}.jpg", "/gradio_api/file={}",
             "/gradio_api/call/list_images/{}", "/gradio_api/queue/data?session_hash={}", "/{}", "/config?{}", "/healthz?{}",
             "/?tab={}", "/gradio_api/info?page={}", "/gradio_api/heartbeats/{}", "/login?next={}")
        ).replace("{}", str(httpx.QueryParams({"a": part}))[2:])  # fmt: skip
        method = self._random.choice(("GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"))
        return Call(f"{method} {path:.200}", lambda: _answer(self._target.http.request(method, path)))

    def _raw(self) -> Call:
        body = self._random.choice(
            (b"", b"{", b"null", b"[]", b"1", b'"x"', b"\xff\xfe", b'{"data": ' + b"[" * 5000, b'{"data": NaN}',
             b'{"data": [], "fn_index": "x"}', b'{"data": [], "fn_index": 99999}', b'{"data": {}, "session_hash": []}',
             b'{"data": [1, 2, 3, 4, 5, 6, 7, 8, 9]}', b'{"event_id": "x", "fn_index": 1, "session_hash": "x"}')
        )  # fmt: skip
        address = self._random.choice(
            ("run/list_images", "run/x", "api/promote", "call/predict", "call/v2/label_images", "call/v2/x", "queue/join",
             "component_server", "cancel", "reset", "upload")
        )  # fmt: skip
        kind = self._random.choice(
            ("application/json", "text/plain", "multipart/form-data", "application/json; charset=x")
        )
        send = self._target.http.post
        return Call(
            f"raw {address} {kind} {body[:60]!r}",
            lambda: _answer(send(f"/gradio_api/{address}", content=body, headers={"Content-Type": kind})),
        )

    def _body(self, data: Any) -> dict[str, Any]:
        body = {"data": data}
        named = self._random.random()
        if named < 0.5:
            body["session_hash"] = f"fuzz-{int(named * 20)}"
        return body

    def _data(self, plain: list[Any]) -> Any:
        """Values near the plain ones: one or two are others, and now and then there are too few or too many."""
        data = list(plain)
        for _ in range(self._random.choice((0, 1, 1, 2, 3))):
            if data:
                data[self._random.randrange(len(data))] = self._value()
        odd = self._random.random()
        if odd < 0.06:
            return data[:-1]
        return [*data, self._value()] if odd < 0.12 else data

    def _event(self) -> Any:
        if self._random.random() < 0.2:
            return self._value()
        return {word: self._value() for word in self._random.sample(WORDS, self._random.randrange(12))}

    def _trigger(self) -> Any:
        return self._random.choice((None, 1, 10**6, -1))

    def _value(self, depth: int = 0) -> Any:
        kind = self._random.random()
        if kind < 0.3:
            return self._text()
        if kind < 0.55:
            return self._random.choice(NUMBERS)
        if kind < 0.7:
            return self._random.choice((None, True, False, *NO_NUMBERS))
        if kind < 0.78:
            return self._random.choice(self._forged)
        if kind < 0.8:
            return _nested(self._random.choice((20, 99, 200)))
        parts = [self._value(depth + 1) for _ in range(self._random.randrange(4 if depth < 3 else 1))]
        return parts if kind < 0.9 else {self._random.choice(WORDS): part for part in parts}

    def _text(self) -> str:
        return self._random.choice(TEXTS)

    def _post(self, address: str, body: Any) -> tuple[int, str]:
        return _answer(
            self._target.http.post(f"/gradio_api/{address}", content=json.dumps(body), headers=JSON)
        )


def fault(status: int, text: str) -> str:
    """What is wrong with an answer; empty where nothing is."""
    if UNEXPECTED in text:
        return "a fault of our own"
    refused = status >= 400 or "event: error" in text or '"success":false' in text
    if not refused:
        return ""
    if TRACES.search(text):
        return "a trace"
    sentences = _sentences(status, text)
    if not sentences or not all(
        isinstance(sentence, str) and sentence.endswith((".", "!", "?")) for sentence in sentences
    ):
        return f"no sentence: {sentences}"
    return ""


def _sentences(status: int, text: str) -> list[Any]:
    if status >= 400:
        try:
            parsed = json.loads(text)
        except ValueError:
            return [text]
        return [parsed.get("error", parsed.get("detail"))] if isinstance(parsed, dict) else []
    if "event: error" in text:
        parsed = json.loads(text.split("event: error\ndata: ")[1].split("\n\n", maxsplit=1)[0])
        return [parsed["error"] if isinstance(parsed, dict) else parsed]
    events = [
        json.loads(line.removeprefix("data: ")) for line in text.split("\n\n") if line.startswith("data: ")
    ]
    return [
        event["output"]["error"] for event in events if event.get("success") is False and event.get("output")
    ] or [event.get("message") for event in events if event.get("success") is False]


def _answer(answer: httpx.Response) -> tuple[int, str]:
    no_body = answer.request.method == "HEAD" and answer.status_code < 500
    return (200, "") if no_body else (answer.status_code, answer.text)


def _streamed(target: Attacked, name: str, data: Any) -> tuple[int, str]:
    status, text = _answer(
        target.http.post(f"/gradio_api/call/{name}", content=json.dumps({"data": data}), headers=JSON)
    )
    if status != 200:
        return status, text
    return 200, target.http.get(f"/gradio_api/call/{name}/{json.loads(text)['event_id']}").text


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def _named(function: dict[str, Any]) -> str:
    return f"{function['id']} {function['api_name']}"
