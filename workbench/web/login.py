"""The login: one shared password, a page to type it into, a session cookie, and the way out."""

from __future__ import annotations

import hmac
import math
import string
import unicodedata
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from storage.core.key_value import KeyValue
from workbench.core.settings import Settings
from workbench.web.principals import NOBODY, Principal
from workbench.web.session_cookies import LIFETIME_SECONDS, Sessions
from workbench.web.throttle import Throttle

LOGIN, LOGOUT = "/login", "/logout"
MOST_FORM_BYTES = 16 * 1024
LONGEST_TARGET = 2000
WRONG = "That is not the password. Try again, or ask whoever runs this workbench."
PAGE = string.Template((Path(__file__).parent / "login.html").read_text(encoding="utf-8"))
POLICY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'",
    "Cache-Control": "no-store",
}
ASK = """<form method="post" action="/login">
<input type="hidden" name="next" value="$target">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required autofocus aria-describedby="said">
<p id="said" class="wrong" role="alert"$hidden>$said</p>
<button>Log in</button>
</form>"""
LEAVE = '<form method="post" action="/logout"><button autofocus>Log out</button></form>'


class TooManyTries(Exception):
    """Too many wrong passwords; ``seconds`` until the next may be tried."""

    def __init__(self, seconds: float) -> None:
        self.seconds = max(1, math.ceil(seconds))
        unit = "second" if self.seconds == 1 else "seconds"
        super().__init__(f"Too many wrong passwords. Wait {self.seconds} {unit}, then try again.")


@dataclass(frozen=True)
class CookieRules:
    """Name and attributes of the session cookie.

    Attributes:
        name: Has the port in it, since browsers share cookies between the ports of a host.
        space: Whether the page lives in the frame of a Space, where a cookie must be partitioned (CHIPS).
    """

    name: str
    space: bool

    def header(self, value: str, seconds: int, https: bool) -> str:
        """A ``Set-Cookie`` header."""
        site = "None; Secure; Partitioned" if self.space else f"Lax{'; Secure' if https else ''}"
        return f"{self.name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite={site}"


class Login:
    """Knows the password, and who has given it.

    Args:
        settings: With a password.
        preferences: Where sessions are remembered.
    """

    def __init__(self, settings: Settings, preferences: KeyValue) -> None:
        self._password = _as_bytes(settings.access.password)
        self._sessions = Sessions(preferences, self._password)
        self._throttle = Throttle()
        self._cookie = CookieRules(f"waterline_session_{settings.port}", settings.access.on_space)

    def principal(self, request: Request) -> Principal:
        """Who a request comes from: a session cookie first, then ``Authorization: Bearer``.

        Raises:
            TooManyTries: A password came too soon after too many wrong ones.
        """
        if self._token(request):
            return Principal("session")
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return NOBODY
        # Header bytes arrive as Latin-1.
        password = given.strip().encode("latin-1").decode("utf-8", "replace")
        return Principal("bearer") if self._right(password, request) else NOBODY

    async def answer(self, request: Request, https: bool) -> Response:
        """Answer a request for the login page or the way out."""
        if request.scope["path"] == LOGOUT:
            return await self._log_out(request, https)
        if request.method == "POST":
            return await self._log_in(request, https)
        target = safe_target(request.query_params.get("next", ""))
        if self._token(request):
            return RedirectResponse(target, 303)
        return login_page(target)

    async def _log_in(self, request: Request, https: bool) -> Response:
        form = await _form(request)
        target = safe_target(form.get("next", ""))
        try:
            if not self._right(form.get("password", ""), request):
                return login_page(target, WRONG, 401)
        except TooManyTries as error:
            answer = login_page(target, str(error), 429)
            answer.headers["Retry-After"] = str(error.seconds)
            return answer
        return self._set_cookie(
            RedirectResponse(target, 303), (self._sessions.issue(), LIFETIME_SECONDS), https
        )

    async def _log_out(self, request: Request, https: bool) -> Response:
        if request.method != "POST":
            return HTMLResponse(PAGE.substitute(title="Log out", form=LEAVE), headers=POLICY)
        if token := self._token(request):
            await run_in_threadpool(self._sessions.end, token)
        return self._set_cookie(RedirectResponse(LOGIN, 303), ("", 0), https)

    def _set_cookie(self, answer: Response, cookie: tuple[str, int], https: bool) -> Response:
        answer.headers["Set-Cookie"] = self._cookie.header(*cookie, https)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def _token(self, request: Request) -> str:
        """The valid session token of a request, empty where there is none; other cookies may bear the same name."""
        pairs = [
            pair.strip().partition("=") for pair in "; ".join(request.headers.getlist("cookie")).split(";")
        ]
        tokens = [value for name, _, value in pairs if name == self._cookie.name]
        return next(filter(self._sessions.valid, tokens), "")

    def _right(self, password: str, request: Request) -> bool:
        client = request.client.host if request.client else "unknown"
        if wait := self._throttle.wait(client):
            raise TooManyTries(wait)
        right = hmac.compare_digest(_as_bytes(password), self._password)
        (self._throttle.succeeded if right else self._throttle.failed)(client)
        return right


def login_page(target: str, said: str = "", status: int = 200) -> HTMLResponse:
    """The page with the field for the password.

    Args:
        target: Where to go afterwards.
        said: What went wrong, a sentence.
        status: Of the answer.
    """
    form = string.Template(ASK).substitute(
        target=escape(target), said=escape(said), hidden="" if said else " hidden"
    )
    return HTMLResponse(PAGE.substitute(title="Log in", form=form), status, POLICY)


def login_address(request: Request) -> str:
    """The login page that comes back to what a request asked for."""
    query = request.scope["query_string"].decode("latin-1")
    asked = request.scope["path"] + (f"?{query}" if query else "")
    return LOGIN if asked == "/" else f"{LOGIN}?next={quote(asked, safe='')}"


def safe_target(target: str) -> str:
    """An address on this server to go to after the login; ``/`` for whatever could lead elsewhere or in a circle."""
    plain = all(letter > " " and letter != "\\" for letter in target) and len(target) <= LONGEST_TARGET
    if not plain or not target.startswith("/") or target.startswith("//"):
        return "/"
    try:
        path = urlsplit(target).path
    except ValueError:
        return "/"
    return "/" if path.rstrip("/") in {LOGIN, LOGOUT} else quote(target, safe="/?&=%#:;,+@!$'()*~[]")


async def _form(request: Request) -> dict[str, str]:
    """The first value of each field of a posted form; empty where it is too long or no form."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return {}
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_FORM_BYTES:
            return {}
    fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    return {name: values[0] for name, values in fields.items()}


def _as_bytes(password: str) -> bytes:
    """UTF-8 of the composed form, so that keyboards that compose letters differently agree."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "replace")
