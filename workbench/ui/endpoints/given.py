"""What scripts hand in, checked: Gradio passes on whatever JSON came."""

from typing import Any

from storage.errors import DomainError
from workbench.ui.endpoints import ACTOR
from workbench.ui.place import tidy_name


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
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise DomainError(f"{name} must be a list of texts.")
    return value


def given_number(name: str, value: Any, within: tuple[int, int] = (1, 2**63 - 1)) -> int:
    """A whole number from the first of two to the second.

    Raises:
        DomainError: It is not one.
    """
    least, most = within
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        most_words = f" to {most}" if most < 2**63 - 1 else ""
        raise DomainError(f"{name} must be a whole number from {least}{most_words}.")
    return value


def given_ids(values: Any) -> list[int]:
    """Ids of pictures, each once.

    Raises:
        DomainError: It is not a list of whole numbers, or an empty one.
    """
    whole = isinstance(values, list) and all(
        isinstance(each, int) and not isinstance(each, bool) for each in values
    )
    if not whole or not values:
        raise DomainError("image_ids must be a list with at least one picture id (a whole number).")
    return list(dict.fromkeys(values))


def given_name(by: Any) -> str:
    """Who acts, on one line and short; ``api`` where nothing was said."""
    return tidy_name(given_text("by", by)) or ACTOR
