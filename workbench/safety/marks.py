"""Why a person switched an operation off: the variant that no longer showed its class."""

from __future__ import annotations

from storage.preferences import Preferences

_KEPT = "augmentation marks"


def marks(preferences: Preferences) -> dict[str, str]:
    """The words for each operation that was switched off for a variant, by its name."""
    found: dict[str, str] = preferences.get(_KEPT, {})
    return found


def mark(preferences: Preferences, operation: str, words: str) -> None:
    """Remember the variant for which an operation was switched off; no words forget it."""
    others = {name: kept for name, kept in marks(preferences).items() if name != operation}
    preferences.set(_KEPT, {**others, operation: words} if words else others)
