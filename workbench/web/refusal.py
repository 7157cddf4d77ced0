"""Why a request does not pass the gate."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

NONE: Mapping[str, str] = MappingProxyType({})


class Refusal(Exception):
    """An answer instead of what was asked for.

    Attributes:
        status: Of HTTP.
        sentence: What is wrong and what to do.
        headers: More headers of the answer.
        login: The login page to go to instead, where a browser wants a page.
    """

    def __init__(
        self, status: int, sentence: str, headers: Mapping[str, str] = NONE, login: str = ""
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = headers
        self.login = login
