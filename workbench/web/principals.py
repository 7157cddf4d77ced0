"""The authenticated principal of a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

KEY = "principal"


@dataclass(frozen=True)
class Principal:
    """The principal of a request.

    Attributes:
        kind: ``open`` (no login required), ``session`` (logged-in browser), ``bearer`` (script with the password) or
            ``nobody`` (not authenticated: only the login page and the health check).
        name: User name; empty if the login does not identify users, as with a shared password.
    """

    kind: str
    name: str = ""


NOBODY = Principal("nobody")


def principal_of(request: Any) -> Principal:
    """The principal that the middleware stored in a Starlette or Gradio request; ``NOBODY`` if there is none."""
    return getattr(getattr(request, "state", None), KEY, NOBODY)
