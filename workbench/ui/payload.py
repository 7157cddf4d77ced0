"""What the scripts of the page send: read with a check, since anybody can send anything in their name."""

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
    """Values by name."""

    values: Mapping[str, Any]

    @classmethod
    def of(cls, source: Any) -> Payload:
        """What came with an event, or as the argument of a function of a component; nothing where that has no names."""
        values = source._data if isinstance(source, gr.EventData) else source
        return cls(values if isinstance(values, dict) else {})

    def text(self, name: str, missing: str | None = None) -> str:
        """A text.

        Args:
            name: Its name.
            missing: What to take where there is none.

        Raises:
            Conflict: There is none, so the page is another than the one that was built.
        """
        value = self.values.get(name, missing)
        if not isinstance(value, str):
            raise Conflict(STALE)
        return value

    def number(self, name: str) -> int:
        """A whole number, 0 or more, as itself or as digits, which attributes of elements are.

        Raises:
            Conflict: It is not one.
        """
        value = self.values.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
            value = int(value)
        if not is_whole(value, 0):
            raise Conflict(STALE)
        return int(value)  # type: ignore[arg-type]

    def numbers(self, name: str) -> list[int]:
        """The whole numbers of a list; none where it is no list.

        Raises:
            Conflict: One of its values is not a whole number.
        """
        values = self.values.get(name)
        return [Payload({name: value}).number(name) for value in values] if isinstance(values, list) else []
