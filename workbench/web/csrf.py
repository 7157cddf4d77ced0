"""Refuses what a page of another origin makes a browser send (cross-site request forgery)."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import Scope

from workbench.core.addresses import Address, Origin, origin_at, parse_origin
from workbench.web.refusal import Refusal

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
FOREIGN = (
    "A page of another address asked for this, so it was not done. Use the workbench's own page. If this is its page, then a "
    "proxy hides the address: let it pass on Host, or X-Forwarded-Host, and X-Forwarded-Proto."
)


def refuse_foreign(scope: Scope, headers: Headers, scheme: str, hosts: list[Address]) -> None:
    """Refuse what only a page of another origin sends; programs send none of these headers.

    Unsafe methods need an ``Origin`` of ours where there is one. Whatever the method, a page elsewhere can open a page of
    ours, but neither load parts of it, ask for permission first (CORS preflight), nor open a WebSocket.

    Raises:
        Refusal: It comes from elsewhere.
    """
    method = scope.get("method", "WEBSOCKET")
    if method in SAFE_METHODS:
        preflight = method == "OPTIONS" and "access-control-request-method" in headers
        part = headers.get("sec-fetch-mode", "navigate").lower() != "navigate"
        refused = preflight or (part and not _own_site(headers))
    else:
        refused = not _own_page(headers, {origin_at(scheme, address) for address in hosts})
    if refused:
        raise Refusal(403, FOREIGN)


def _own_page(headers: Headers, ours: set[Origin]) -> bool:
    origins = headers.getlist("origin")
    if any(parse_origin(origin) not in ours for origin in origins):
        return False
    same_site = headers.get("sec-fetch-site", "").lower() == "same-site"
    return _own_site(headers) or (same_site and bool(origins))


def _own_site(headers: Headers) -> bool:
    return headers.get("sec-fetch-site", "none").lower() in {"none", "same-origin"}
