"""Who a request comes from. People, roles and tokens will hang here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

KEY = "principal"


@dataclass(frozen=True)
class Principal:
    """Who acts.

    Attributes:
        kind: ``open`` where no login is asked for, ``session`` (a browser that logged in), ``bearer`` (a script with the password),
            ``nobody`` (has not logged in: sees the login page and the health check).
        name: The person's name; empty where the login does not tell people apart, as one shared password does not.
    """

    kind: str
    name: str = ""


NOBODY = Principal("nobody")


def principal_of(request: Any) -> Principal:
    """The principal of a request of Starlette's or Gradio's, as the gate found it; nobody where none was found."""
    return getattr(getattr(request, "state", None), KEY, NOBODY)
