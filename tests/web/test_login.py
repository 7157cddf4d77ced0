"""The login over HTTP: who gets in, what stays shut, and how tries are bounded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from gradio_client import Client, handle_file
from gradio_client.exceptions import AuthenticationError
from starlette.routing import BaseRoute, Mount, Router

from tests.conftest import PASSWORD
from tests.pictures import class_zip
from tests.running import Server
from tests.web.raw_requests import Ask, get, log_in, post, send
from workbench.server import build_app
from workbench.services import Services

BEARER = f"Bearer {PASSWORD}".encode().decode("latin-1")
OPEN = {"/healthz", "/login", "/logout"}


def _paths(routes: list[BaseRoute]) -> Iterator[tuple[str, str]]:
    for route in routes:
        inner = getattr(route, "original_router", route)  # how FastAPI keeps a router that was included
        if isinstance(inner, Mount | Router):
            yield from _paths(inner.routes)
        else:
            path = re.sub(r"\{[^}]*\}", "x", getattr(route, "path", ""))
            yield from ((method, path) for method in getattr(route, "methods", None) or {"GET"})


def test_every_route_wants_a_login(locked: Server, services: Services) -> None:
    app = build_app(services).app
    assert isinstance(app, FastAPI)
    routes = {(method, path) for method, path in _paths(app.routes) if path not in OPEN}
    assert {
        ("POST", "/gradio_api/component_server"),
        ("GET", "/exports/x"),
        ("GET", "/scripts/x/x"),
        ("GET", "/"),
    } < routes
    assert len(routes) > 80
    statuses = {(method, path): send(locked, Ask(path, method)).status for method, path in routes}
    assert {route for route, status in statuses.items() if status != 401} == set()


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "//healthz",
        "/healthz/",
        "/healthz/../config",
        "/healthz%2f..%2fconfig",
        "/login/",
        "/login/../config",
        "//login",
        "/LOGIN",
        "/login;/config",
        "/%6cogin/x",
        "/healthz;x",
        "http://127.0.0.1/healthz/../config",
        "/gradio_api/file=/etc/passwd",
        "/static/img/logo.svg",
    ],
)
def test_no_way_of_writing_an_address_goes_around_it(locked: Server, path: str) -> None:
    answer = get(locked, path)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "Log in first" in answer.sentence


def test_health_says_ok_and_takes_no_more(locked: Server) -> None:
    assert get(locked, "/healthz").status == 200
    assert post(locked, "/healthz").status == 401


def test_a_browser_is_led_to_the_login_and_back(locked: Server) -> None:
    page = get(locked, "/?tab=label&x=%2F", Accept="text/html,*/*", Sec_Fetch_Mode="navigate")
    assert (page.status, page.headers["Location"]) == (303, "/login?next=%2F%3Ftab%3Dlabel%26x%3D%252F")
    form = get(locked, page.headers["Location"], Accept="text/html")
    assert form.status == 200
    assert 'name="next" value="/?tab=label&amp;x=%2F"' in form.text
    inside = log_in(locked, PASSWORD, "/?tab=label&x=%2F")
    assert (inside.status, inside.headers["Location"]) == (303, "/?tab=label&x=%2F")
    assert get(locked, "/", Cookie=inside.cookie).status == 200
    assert get(locked, "/login?next=/x", Cookie=inside.cookie).headers["Location"] == "/x"


@pytest.mark.parametrize(
    "target",
    [
        "",
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/login?next=/login",
        "/logout",
        "/x" * 2000,
    ],
)
def test_the_login_leads_nowhere_else(locked: Server, target: str) -> None:
    assert log_in(locked, PASSWORD, target).headers["Location"] == "/"


def test_what_is_asked_for_is_no_markup(locked: Server) -> None:
    text = get(locked, "/login?next=/%22%3E%3Cscript%3E").text
    assert "<script" not in text


def test_a_wrong_password_gets_a_sentence(locked: Server) -> None:
    answer = log_in(locked, "Kase & Brot", "/?tab=label")
    assert answer.status == 401
    assert "That is not the password." in answer.text
    assert 'value="/?tab=label"' in answer.text
    assert answer.headers["Set-Cookie"] is None


def test_the_password_may_be_composed_in_another_way(locked: Server) -> None:
    assert log_in(locked, PASSWORD.replace("ä", "a\u0308")).status == 303


def test_only_a_form_logs_in(locked: Server) -> None:
    for headers in ((("Content-Type", "text/plain"),), (("Content-Type", "application/json"),)):
        body = b"password=K%C3%A4se+%26+Brot"
        assert send(locked, Ask("/login", "POST", headers, body)).status == 401
    assert log_in(locked, "x" * 100_000).status == 401
    assert log_in(locked, PASSWORD, Origin="http://evil.example").status == 403
    assert log_in(locked, PASSWORD, Sec_Fetch_Site="cross-site").status == 403


def test_the_cookie_is_for_the_server_alone(locked: Server) -> None:
    attributes = log_in(locked, PASSWORD).headers["Set-Cookie"].split("; ")[1:]
    assert attributes == ["Path=/", "Max-Age=2592000", "HttpOnly", "SameSite=Lax"]
    secure = log_in(locked, PASSWORD, X_Forwarded_Proto="https").headers["Set-Cookie"]
    assert secure.endswith("HttpOnly; SameSite=Lax; Secure")


def test_a_cookie_that_was_changed_or_ended_is_worth_nothing(locked: Server) -> None:
    cookie = log_in(locked, PASSWORD).cookie
    name, _, token = cookie.partition("=")
    expiry, session, signature = token.split(".")
    forged = [
        f"{int(expiry) + 1}.{session}.{signature}",
        f"{expiry}.x.{signature}",
        "..",
        "",
        "ä",
        f"{expiry}.{session}.",
    ]
    for wrong in forged:
        assert get(locked, "/config", Cookie=f"{name}={wrong}").status == 401, wrong
    assert get(locked, "/config", Cookie=f"other=1; {name}=old; {cookie}").status == 200
    assert "Log out" in get(locked, "/logout", Cookie=cookie).text
    assert get(locked, "/config", Cookie=cookie).status == 200
    assert (
        send(locked, Ask("/logout", "POST", (("Cookie", cookie), ("Origin", "http://evil.example")))).status
        == 403
    )
    out = send(locked, Ask("/logout", "POST", (("Cookie", cookie),)))
    assert (out.status, out.headers["Location"]) == (303, "/login")
    assert out.headers["Set-Cookie"].startswith(f"{name}=; Path=/; Max-Age=0;")
    assert get(locked, "/config", Cookie=cookie).status == 401


def test_a_script_sends_the_password(locked: Server) -> None:
    assert get(locked, "/config", Authorization=BEARER).status == 200
    assert get(locked, "/config", Authorization=BEARER.replace("Bearer", "bearer ")).status == 200
    for wrong in ("Bearer", "Bearer x", f"Basic {BEARER.split(' ', 1)[1]}", BEARER[:-1]):
        assert get(locked, "/config", Authorization=wrong).status == 401


def test_gradio_client_uploads_calls_and_downloads(locked: Server, tmp_path: Path) -> None:
    with pytest.raises(AuthenticationError):
        Client(locked.url, verbose=False)
    headers = {"Authorization": f"Bearer {PASSWORD}".encode()}
    client = Client(locked.url, headers=headers, verbose=False, download_files=str(tmp_path))  # type: ignore[arg-type]
    files = [handle_file(class_zip(tmp_path / "bottles.zip", 2))]
    assert client.predict(files=files, api_name="/import_images")["rejected"] == []
    assert Path(client.predict(api_name="/export_dataset")).stat().st_size > 1000
    events = client.submit(api_name="/dataset_summary")
    assert events.result(timeout=60)["images"] > 0


def test_a_session_outlives_a_restart_but_not_another_password(tmp_path: Path) -> None:
    server = Server(tmp_path, WORKBENCH_PASSWORD="first one").start()
    try:
        kept, ended = log_in(server, "first one").cookie, log_in(server, "first one").cookie
        send(server, Ask("/logout", "POST", (("Cookie", ended),)))
        server.end()
        server.start()
        assert get(server, "/config", Cookie=kept).status == 200
        assert get(server, "/config", Cookie=ended).status == 401
        server.end()
        other = Server(tmp_path, WORKBENCH_PASSWORD="second one", GRADIO_SERVER_PORT=str(server.port))
        other.port, other.url = server.port, server.url
        other.start()
        assert get(other, "/config", Cookie=kept).status == 401
        other.end()
        assert "first one" not in server.log
    finally:
        server.close()


def test_wrong_tries_are_slowed_down_and_forged_addresses_do_not_help(tmp_path: Path) -> None:
    server = Server(tmp_path, WORKBENCH_PASSWORD="right").start()
    try:
        assert {log_in(server, "wrong").status for _ in range(10)} == {401}
        slowed = log_in(server, "right")
        assert slowed.status == 429
        assert 1 <= int(slowed.headers["Retry-After"]) <= 10
        assert "Too many wrong passwords. Wait" in slowed.text
        assert get(server, "/config", Authorization="Bearer right").status == 429
        forged = [log_in(server, "wrong", X_Forwarded_For=f"10.0.0.{number}").status for number in range(60)]
        assert forged.count(401) < 40
        assert forged[-1] == 429
    finally:
        server.close()
