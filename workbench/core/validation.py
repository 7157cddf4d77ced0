"""Validates external values; each failure has a message for the user."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from storage.core.integers import LARGEST_ID, is_whole
from workbench.core.errors import InvalidSpec

NOT_WHOLE = "{key} is {value}; it must be a whole number from {range}."


def number(key: str, value: Any, low: float, high: float) -> float:
    """Validate a number from ``low`` to ``high``.

    Raises:
        InvalidSpec: The value is not a number (booleans and texts are not), not finite, or out of range.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:
        raise InvalidSpec(f"{key} is {format_value(value)}; it must be a number from {low:g} to {high:g}.")
    return float(value)


def whole(key: str, value: Any, low: int = 1, high: int = LARGEST_ID) -> int:
    """Validate an integer from ``low`` to ``high``; the default range is that of ids.

    Raises:
        InvalidSpec: The value is not an integer or out of range.
    """
    if not is_whole(value, low, high):
        up_to = f" to {high}" if high < LARGEST_ID else ""
        raise InvalidSpec(NOT_WHOLE.format(key=key, value=format_value(value), range=f"{low}{up_to}"))
    return int(value)


def flag(key: str, value: Any) -> bool:
    """Validate a boolean.

    Raises:
        InvalidSpec: The value is not true or false.
    """
    if not isinstance(value, bool):
        raise InvalidSpec(f"{key} is {format_value(value)}; it must be true or false.")
    return value


def choice(key: str, value: Any, options: Collection[str]) -> str:
    """Validate one of the options.

    Raises:
        InvalidSpec: The value is none of them.
    """
    if not isinstance(value, str) or value not in options:
        raise InvalidSpec(f"{key} is {format_value(value)}; it must be one of {', '.join(options)}.")
    return value


def mapping(key: str, value: Any, known: Collection[str]) -> Mapping[str, Any]:
    """Validate a mapping that has only known keys.

    Raises:
        InvalidSpec: The value is not a mapping, or has an unknown key.
    """
    if not isinstance(value, Mapping):
        raise InvalidSpec(
            f"{key} is {format_value(value)}; it must be an object with the keys {', '.join(known)}."
        )
    unknown = [name for name in value if name not in known]
    if unknown:
        raise InvalidSpec(
            f"{key} has the unknown key {format_value(unknown[0])}; known are {', '.join(known)}."
        )
    return value


def format_value(value: Any) -> str:
    """A value for use in a message: quoted if it is text, and truncated."""
    if value is None:
        return "empty"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
