"""Validation of the arguments of endpoints; Gradio passes any JSON on."""

from typing import Any

from storage.core.errors import DomainError
from storage.core.integers import is_whole
from workbench.ui.api import ACTOR
from workbench.ui.context import tidy_name

NOT_TEXT = "{name} must be a text."
NOT_TEXTS = "{name} must be a list of texts."
NOT_IDS = "image_ids must be a list with at least one picture id (a whole number)."


def require_text(name: str, value: Any) -> str:
    """Check that an argument is a string.

    Raises:
        DomainError: It is not one.
    """
    if not isinstance(value, str):
        raise DomainError(NOT_TEXT.format(name=name))
    return value


def require_texts(name: str, value: Any) -> list[str]:
    """Check that an argument is a list of strings.

    Raises:
        DomainError: It is not one.
    """
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise DomainError(NOT_TEXTS.format(name=name))
    return value


def require_ids(values: Any) -> list[int]:
    """Check a list of picture ids, and remove duplicates.

    Raises:
        DomainError: It is not a list of ids, or it is empty.
    """
    if not isinstance(values, list) or not values or not all(map(is_whole, values)):
        raise DomainError(NOT_IDS)
    return list(dict.fromkeys(values))


def require_actor(by: Any) -> str:
    """The normalised name of the acting user; ``api`` if it is empty."""
    return tidy_name(require_text("by", by)) or ACTOR
