"""A fault of ours is told as one, and not as a fault of whoever asked; and no stream tells the text of an exception."""

from __future__ import annotations

import json

import pytest
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from workbench.ui.error_boundary import UNEXPECTED
from workbench.ui.error_responses import HANDLERS, ErrorSentences
from workbench.ui.stream_errors import NO_CALL, replace_error_text

FAULTS = [KeyError("secret"), IndexError("secret"), TypeError("secret"), ValueError("secret"), RuntimeError("secret")]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_what_our_own_code_raises_is_a_fault_of_the_server(fault: Exception) -> None:
    app = FastAPI(exception_handlers=HANDLERS, middleware=[Middleware(ErrorSentences)])

    @app.get("/fault")
    def raising() -> None:
        raise fault

    answer = TestClient(app).get("/fault")
    assert answer.status_code == 500
    assert answer.json()["error"] == UNEXPECTED


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("404: Not Found", NO_CALL),
        ("Integer exceeds 64-bit range", UNEXPECTED),
        ("'secret'", UNEXPECTED),
        ("Server stopped unexpectedly.", "Server stopped unexpectedly."),
        (NO_CALL, NO_CALL),
        (UNEXPECTED, UNEXPECTED),
    ],
)
def test_a_stream_that_fails_ends_with_a_sentence(message: str, sentence: str) -> None:
    event = {"msg": "unexpected_error", "event_id": None, "message": message, "session_not_found": True}
    replaced = replace_error_text(b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n")
    assert json.loads(replaced.removeprefix(b"data: ")) == {**event, "message": sentence}
    simple = replace_error_text(b"event: error\ndata: " + json.dumps(message).encode() + b"\n\n")
    assert simple == b"event: error\ndata: " + json.dumps(sentence).encode() + b"\n\n"


@pytest.mark.parametrize(
    "event",
    [
        b'event: error\ndata: {"error": "404: Not Found"}\n\n',
        b'event: complete\ndata: ["404: Not Found"]\n\n',
        b'data: {"msg":"process_completed","output":{"data":["unexpected_error"]}}\n\n',
        b"",
    ],
)
def test_other_events_stay_as_they_are(event: bytes) -> None:
    assert replace_error_text(event) == event
