"""Who acts, as the browser's cookie says it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from workbench.ui.context import actor
from workbench.web.principals import Principal


def asking(cookie: str | None, login: str | None = None) -> Any:
    cookies = {} if cookie is None else {"waterline_name": cookie}
    state = SimpleNamespace(principal=Principal("session", login or ""))
    return SimpleNamespace(state=state, cookies=cookies)


@pytest.mark.parametrize(
    ("cookie", "name"),
    [
        (None, "someone"),
        ("", "someone"),
        ("%20%09", "someone"),
        ("Anna", "Anna"),
        ("J%C3%BCrgen%20%20Otto%0a", "Jürgen Otto"),
        ("a%00b%1Bc", "a b c"),
        ("%FF%ED%A0%80", "\ufffd" * 4),
        ("x" * 400, "x" * 40),
        ("%3Cb%3E", "<b>"),
    ],
)
def test_a_cookie_gives_a_short_name_on_one_line(cookie: str | None, name: str) -> None:
    assert actor(asking(cookie)) == name


def test_a_login_goes_before_the_cookie() -> None:
    assert actor(asking("Anna", "bert")) == "bert"
    assert actor(None) == "someone"
