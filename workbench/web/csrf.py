"""Protection against cross-site request forgery (CSRF)."""

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
    """Reject cross-origin requests of browsers, by the headers that only browsers send.

    For unsafe methods ``Origin``, if present, must be one of ours. Other origins may navigate to our pages, but not load
    subresources, send CORS preflights, or open WebSockets.

    Raises:
        Refusal: The request is cross-origin.
    """
    method = scope.get("method", "WEBSOCKET")
    if method in SAFE_METHODS:
        is_preflight = method == "OPTIONS" and "access-control-request-method" in headers
        is_subresource = headers.get("sec-fetch-mode", "navigate").lower() != "navigate"
        refused = is_preflight or (is_subresource and not _is_own_site(headers))
    else:
        refused = not _is_same_origin(headers, {origin_at(scheme, address) for address in hosts})
    if refused:
        raise Refusal(403, FOREIGN)


def _is_same_origin(headers: Headers, own_origins: set[Origin]) -> bool:
    origins = headers.getlist("origin")
    if any(parse_origin(origin) not in own_origins for origin in origins):
        return False
    same_site = headers.get("sec-fetch-site", "").lower() == "same-site"
    return _is_own_site(headers) or (same_site and bool(origins))


def _is_own_site(headers: Headers) -> bool:
    return headers.get("sec-fetch-site", "none").lower() in {"none", "same-origin"}
