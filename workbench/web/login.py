"""Login with a shared password: login page, session cookie, bearer token and logout."""

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
    """Too many wrong passwords; ``seconds`` is the time until the next attempt is allowed."""

    def __init__(self, seconds: float) -> None:
        self.seconds = max(1, math.ceil(seconds))
        unit = "second" if self.seconds == 1 else "seconds"
        super().__init__(f"Too many wrong passwords. Wait {self.seconds} {unit}, then try again.")


@dataclass(frozen=True)
class CookieRules:
    """Name and attributes of the session cookie.

    Attributes:
        name: Cookie name; includes the port, since browsers share cookies between the ports of a host.
        space: Whether the page is embedded in a Hugging Face Space, which needs partitioned cookies (CHIPS).
    """

    name: str
    space: bool

    def header(self, value: str, seconds: int, https: bool) -> str:
        """The value of a ``Set-Cookie`` header."""
        site = "None; Secure; Partitioned" if self.space else f"Lax{'; Secure' if https else ''}"
        return f"{self.name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite={site}"


class Login:
    """Authenticates requests, and handles the login and logout pages.

    Args:
        settings: Settings with a password.
        preferences: Store of the signing key and of ended sessions.
    """

    def __init__(self, settings: Settings, preferences: KeyValue) -> None:
        self._password = _as_bytes(settings.access.password)
        self._sessions = Sessions(preferences, self._password)
        self._throttle = Throttle()
        self._cookie = CookieRules(f"waterline_session_{settings.port}", settings.access.on_space)

    def principal(self, request: Request) -> Principal:
        """Authenticate a request by its session cookie, or else by ``Authorization: Bearer``.

        Raises:
            TooManyTries: The client has to wait after too many wrong passwords.
        """
        if self._session_token(request):
            return Principal("session")
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return NOBODY
        # Header bytes arrive as Latin-1.
        password = credentials.strip().encode("latin-1").decode("utf-8", "replace")
        return Principal("bearer") if self._check_password(password, request) else NOBODY

    async def answer(self, request: Request, https: bool) -> Response:
        """Respond to a request for the login or logout page."""
        if request.scope["path"] == LOGOUT:
            return await self._log_out(request, https)
        if request.method == "POST":
            return await self._log_in(request, https)
        target = safe_target(request.query_params.get("next", ""))
        if self._session_token(request):
            return RedirectResponse(target, 303)
        return login_page(target)

    async def _log_in(self, request: Request, https: bool) -> Response:
        form = await _read_form(request)
        target = safe_target(form.get("next", ""))
        try:
            if not self._check_password(form.get("password", ""), request):
                return login_page(target, WRONG, 401)
        except TooManyTries as error:
            response = login_page(target, str(error), 429)
            response.headers["Retry-After"] = str(error.seconds)
            return response
        return self._set_cookie(
            RedirectResponse(target, 303), (self._sessions.issue(), LIFETIME_SECONDS), https
        )

    async def _log_out(self, request: Request, https: bool) -> Response:
        if request.method != "POST":
            return HTMLResponse(PAGE.substitute(title="Log out", form=LEAVE), headers=POLICY)
        if token := self._session_token(request):
            await run_in_threadpool(self._sessions.end, token)
        return self._set_cookie(RedirectResponse(LOGIN, 303), ("", 0), https)

    def _set_cookie(self, response: Response, cookie: tuple[str, int], https: bool) -> Response:
        response.headers["Set-Cookie"] = self._cookie.header(*cookie, https)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _session_token(self, request: Request) -> str:
        """The valid session token of a request; empty if there is none. Several cookies may have the same name."""
        pairs = [
            pair.strip().partition("=") for pair in "; ".join(request.headers.getlist("cookie")).split(";")
        ]
        tokens = [value for name, _, value in pairs if name == self._cookie.name]
        return next(filter(self._sessions.valid, tokens), "")

    def _check_password(self, password: str, request: Request) -> bool:
        client = request.client.host if request.client else "unknown"
        if wait_seconds := self._throttle.wait(client):
            raise TooManyTries(wait_seconds)
        is_correct = hmac.compare_digest(_as_bytes(password), self._password)
        (self._throttle.succeeded if is_correct else self._throttle.failed)(client)
        return is_correct


def login_page(target: str, said: str = "", status: int = 200) -> HTMLResponse:
    """The page with the field for the password.

    Args:
        target: Path to go to after the login.
        said: Error message; empty for none.
        status: HTTP status code.
    """
    form = string.Template(ASK).substitute(
        target=escape(target), said=escape(said), hidden="" if said else " hidden"
    )
    return HTMLResponse(PAGE.substitute(title="Log in", form=form), status, POLICY)


def login_url(request: Request) -> str:
    """The URL of the login page that redirects back to the requested URL."""
    query = request.scope["query_string"].decode("latin-1")
    requested_url = request.scope["path"] + (f"?{query}" if query else "")
    return LOGIN if requested_url == "/" else f"{LOGIN}?next={quote(requested_url, safe='')}"


def safe_target(target: str) -> str:
    """Validate a redirect target on this server; ``/`` for anything that could lead to another site or to a loop."""
    is_plain = (
        all(character > " " and character != "\\" for character in target) and len(target) <= LONGEST_TARGET
    )
    if not is_plain or not target.startswith("/") or target.startswith("//"):
        return "/"
    try:
        path = urlsplit(target).path
    except ValueError:
        return "/"
    return "/" if path.rstrip("/") in {LOGIN, LOGOUT} else quote(target, safe="/?&=%#:;,+@!$'()*~[]")


async def _read_form(request: Request) -> dict[str, str]:
    """The first value of each field of a posted form; empty if it is too long or not a form."""
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type != "application/x-www-form-urlencoded":
        return {}
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_FORM_BYTES:
            return {}
    fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    return {name: values[0] for name, values in fields.items()}


def _as_bytes(password: str) -> bytes:
    """Encode as UTF-8 after NFC normalization, so that differently composed input is equal."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "replace")
