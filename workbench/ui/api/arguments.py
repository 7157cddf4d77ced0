"""What scripts hand in, checked: Gradio passes on whatever JSON came."""

from typing import Any

from storage.core.errors import DomainError
from storage.core.integers import is_whole
from workbench.ui.api import ACTOR
from workbench.ui.context import tidy_name


def given_text(name: str, value: Any) -> str:
    """A text.

    Raises:
        DomainError: It is not one.
    """
    if not isinstance(value, str):
        raise DomainError(f"{name} must be a text.")
    return value


def given_texts(name: str, value: Any) -> list[str]:
    """A list of texts.

    Raises:
        DomainError: It is not one.
    """
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise DomainError(f"{name} must be a list of texts.")
    return value


def given_ids(values: Any) -> list[int]:
    """Ids of pictures, each once.

    Raises:
        DomainError: It is not a list of ids, or an empty one.
    """
    if not isinstance(values, list) or not values or not all(map(is_whole, values)):
        raise DomainError("image_ids must be a list with at least one picture id (a whole number).")
    return list(dict.fromkeys(values))


def given_name(by: Any) -> str:
    """Who acts, on one line and short; ``api`` where nothing was said."""
    return tidy_name(given_text("by", by)) or ACTOR
