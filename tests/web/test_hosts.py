"""Which names the server answers to, and what pages of other origins get."""

from __future__ import annotations

from pathlib import Path

import pytest
from gradio_client import handle_file

from tests.pictures import picture
from tests.running import Server
from tests.web.raw_requests import Ask, get, send

BIN_EVERYTHING = b'{"data": [], "fn_name": "act", "component_id": 1, "session_hash": "x"}'


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:7860",
        "localhost:1",
        "LOCALHOST",
        "localhost.:7860",
        "[::1]:7860",
        "[0:0:0:0:0:0:0:1]",
        "bottles.example",
        "bottles.example:8080",
        "port.example:81",
    ],
)
def test_its_own_names_are_answered(plain: Server, host: str) -> None:
    assert send(plain, Ask("/healthz", host=host)).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:7860",
        "xlocalhost",
        "port.example",
        "port.example:82",
        "169.254.169.254",
        "[::2]",
        "2130706433",
        "0x7f000001",
        "127.000.000.001",
    ],
)
@pytest.mark.parametrize("path", ["/healthz", "/config", "/login"])
def test_other_names_get_a_sentence_that_names_the_setting(plain: Server, host: str, path: str) -> None:
    answer = send(plain, Ask(path, host=host))
    assert answer.status == 421
    assert "add it to WORKBENCH_ALLOWED_HOSTS" in answer.sentence


@pytest.mark.parametrize(
    "host",
    [
        "",
        "127.0.0.1@evil.example",
        "user:pass@127.0.0.1",
        "127.0.0.1:7860:evil.example",
        "127.0.0.1/evil",
        "localhost, evil.example",
        "localhost evil",
        "localhost..",
        "[::1",
        "::1",
        "[localhost]",
        "127.0.0.1:99999",
        "*",
        "<script>",
    ],
)
def test_what_is_no_name_is_refused(plain: Server, host: str) -> None:
    assert send(plain, Ask("/config", host=host)).status == 400


def test_no_host_or_two_are_refused(plain: Server) -> None:
    assert send(plain, Ask("/config", host=None)).status == 400
    assert send(plain, Ask("/config", headers=(("Host", "evil.example"),))).status == 400
    assert send(plain, Ask("/config", host="evil.example", headers=(("Host", "127.0.0.1"),))).status == 400


def test_a_browser_reads_the_refusal_as_text(plain: Server) -> None:
    answer = send(plain, Ask("/", headers=(("Accept", "text/html"),), host="evil.example"))
    assert (answer.status, answer.headers["Content-Type"]) == (421, "text/plain; charset=utf-8")
    assert answer.text.startswith("This workbench does not answer to the name “evil.example”.")


def test_a_proxy_must_have_been_asked_for_one_of_our_names(plain: Server) -> None:
    assert get(plain, "/config", X_Forwarded_Host="evil.example").status == 421
    assert get(plain, "/config", X_Forwarded_Host="bottles.example@evil").status == 400
    response = get(plain, "/config", X_Forwarded_Host="bottles.example, inner", X_Forwarded_Proto="https")
    assert b'"root":"https://bottles.example"' in response.body


def test_nobody_tells_gradio_where_it_lives(plain: Server) -> None:
    answer = get(plain, "/config", X_Gradio_Server="http://evil.example/")
    assert answer.status == 200
    assert b"evil.example" not in answer.body


def own(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}"


def post_status(server: Server, **headers: str) -> int:
    """A cheap call that changes something, with the Host that browsers send."""
    raw_headers = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    body = (("Content-Type", "application/json"), *raw_headers)
    host = f"127.0.0.1:{server.port}"
    return send(server, Ask("/gradio_api/run/undo", "POST", body, b'{"data": ["x"]}', host)).status


def test_programs_that_send_no_headers_of_browsers_go_on(plain: Server) -> None:
    assert post_status(plain) not in {400, 401, 403, 421}


def test_our_own_page_goes_on(plain: Server) -> None:
    passing = post_status(plain)
    assert (
        post_status(plain, Origin=own(plain), Sec_Fetch_Site="same-origin", Sec_Fetch_Mode="cors") == passing
    )
    assert post_status(plain, Origin=own(plain)) == passing
    assert post_status(plain, Origin=own(plain), Sec_Fetch_Site="same-site") == passing


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "Cross-Site", "Sec_Fetch_Mode": "navigate"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "what-may-come"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "http://127.0.0.1:1", "Sec_Fetch_Site": "same-site"},
        {"Origin": "https://127.0.0.1:PORT"},
        {"Origin": "http://localhost:PORT"},
        {"Origin": "http://127.0.0.1:PORT.evil.example"},
        {"Origin": "http://127.0.0.1:PORT@evil.example"},
        {"Origin": "http://127.0.0.1:PORT http://evil.example"},
        {"Origin": "file://"},
        {"Origin": "http://127.0.0.1:PORT", "Sec_Fetch_Site": "cross-site"},
        {"Origin": "http://evil.example", "Sec_Fetch_Site": "same-origin"},
    ],
    ids=str,
)
def test_pages_of_other_origins_change_nothing(plain: Server, headers: dict[str, str]) -> None:
    own_headers = {name: value.replace("PORT", str(plain.port)) for name, value in headers.items()}
    assert post_status(plain, **own_headers) == 403


def test_an_origin_behind_a_proxy_is_the_address_that_the_proxy_was_asked_for(plain: Server) -> None:
    proxy = {"X_Forwarded_Host": "bottles.example", "X_Forwarded_Proto": "https"}
    assert post_status(plain, Origin="https://bottles.example", **proxy) == post_status(plain)
    assert post_status(plain, Origin="http://bottles.example", **proxy) == 403
    assert post_status(plain, Origin="https://port.example:81", **proxy) == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PROPFIND", "TRACE"])
@pytest.mark.parametrize(
    "path", ["/gradio_api/component_server", "/gradio_api/upload", "/", "/media/x/stage.jpg"]
)
def test_every_unsafe_method_is_guarded(plain: Server, method: str, path: str) -> None:
    headers = (("Origin", "http://evil.example"), ("Content-Type", "text/plain"))
    assert send(plain, Ask(path, method, headers, BIN_EVERYTHING)).status == 403


def test_parts_of_the_workbench_are_not_loaded_by_other_pages_but_links_to_it_work(plain: Server) -> None:
    part = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"}
    assert get(plain, "/config", **part).status == 403
    assert get(plain, "/gradio_api/heartbeat/x", **{**part, "Sec_Fetch_Site": "same-site"}).status == 403
    assert get(plain, "/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate").status == 200
    assert get(plain, "/", Sec_Fetch_Site="none", Sec_Fetch_Mode="navigate").status == 200
    assert get(plain, "/config", Sec_Fetch_Site="same-origin", Sec_Fetch_Mode="cors").status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "bottles.example"])
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:3000"])
def test_no_origin_is_ever_allowed_to_read(plain: Server, host: str, origin: str) -> None:
    preflight = (
        ("Origin", origin),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "x"),
    )
    answers = [
        send(plain, Ask("/gradio_api/component_server", "OPTIONS", preflight, host=host)),
        send(plain, Ask("/config", headers=(("Origin", origin),), host=host)),
        send(plain, Ask("/gradio_api/run/undo", "POST", (("Origin", origin),), b"{}", host=host)),
    ]
    assert [answer.status for answer in answers][::2] == [403, 403]
    for answer in answers:
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize(
    ("ask", "status"),
    [
        (Ask("/"), 200),
        (Ask("/healthz"), 200),
        (Ask("/theme.css"), 200),
        (Ask("/nowhere"), 404),
        (Ask("/", "DELETE"), 405),
        (Ask("/", host="evil.example"), 421),
        (Ask("/gradio_api/upload", "POST", (("Origin", "null"),), b"x"), 403),
    ],
    ids=str,
)
def test_every_answer_has_the_headers(plain: Server, ask: Ask, status: int) -> None:
    answer = send(plain, ask)
    assert answer.status == status
    assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'self'"
    assert answer.headers.get_all("X-Content-Type-Options") == ["nosniff"]
    assert answer.headers["Referrer-Policy"] == "same-origin"


def test_a_picture_is_kept_by_the_browser_alone(plain: Server, tmp_path: Path) -> None:
    photo = tmp_path / "bottle.jpg"
    photo.write_bytes(picture(1))
    ids = plain.client().predict(files=[handle_file(photo)], api_name="/import_images")["image_ids"]
    sha256 = plain.client().predict(api_name="/list_images")["items"][0]["sha256"]
    assert len(ids) == 1
    answer = get(plain, f"/media/{sha256}/thumbnail.jpg")
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
