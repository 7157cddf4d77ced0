"""Validated access to what the page's scripts send; any client can send anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from storage.core.errors import Conflict
from storage.core.integers import is_whole

STALE = "The page has changed in the meantime. Reload it."


@dataclass(frozen=True)
class Payload:
    """The values of an event or of a call of a server function, by name."""

    values: Mapping[str, Any]

    @classmethod
    def of(cls, source: Any) -> Payload:
        """The payload of an event, or of the argument of a server function; empty if it is not a dict."""
        values = source._data if isinstance(source, gr.EventData) else source
        return cls(values if isinstance(values, dict) else {})

    def text(self, name: str, missing: str | None = None) -> str:
        """A string value.

        Args:
            name: The key.
            missing: The default.

        Raises:
            Conflict: There is none, so the page is outdated.
        """
        value = self.values.get(name, missing)
        if not isinstance(value, str):
            raise Conflict(STALE)
        return value

    def number(self, name: str) -> int:
        """A non-negative integer; digits are accepted too, since attributes of elements are strings.

        Raises:
            Conflict: The value is not one.
        """
        value = self.values.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
            value = int(value)
        if not is_whole(value, 0):
            raise Conflict(STALE)
        return int(value)  # type: ignore[arg-type]

    def numbers(self, name: str) -> list[int]:
        """A list of non-negative integers; empty if the value is not a list.

        Raises:
            Conflict: One of the values is not a non-negative integer.
        """
        values = self.values.get(name)
        return [Payload({name: value}).number(name) for value in values] if isinstance(values, list) else []
