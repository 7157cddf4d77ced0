"""The exception for rejected requests."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

NONE: Mapping[str, str] = MappingProxyType({})


class Refusal(Exception):
    """A request was rejected.

    Attributes:
        status: HTTP status code.
        sentence: Message for the user.
        headers: Additional response headers.
        login: URL of the login page to redirect browsers to; empty for no redirect.
    """

    def __init__(
        self, status: int, sentence: str, headers: Mapping[str, str] = NONE, login: str = ""
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = headers
        self.login = login
