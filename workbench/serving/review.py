"""When a person should look at an answer."""

from __future__ import annotations

from collections.abc import Mapping

SURE = 0.6
AHEAD = 0.2


def needs_review(scores: Mapping[str, float]) -> bool:
    """Whether the best score is below 60 % or less than 20 points ahead of the second."""
    return bool(doubt(scores))


def doubt(scores: Mapping[str, float]) -> str:
    """Why a person should look at an answer, as a sentence; empty where nobody needs to."""
    first, second = sorted([*scores.values(), 0.0], reverse=True)[:2]
    if first < SURE:
        return f"No class reaches {100 * SURE:.0f}\u00a0%."
    if first - second < AHEAD:
        return f"The second class is less than {100 * AHEAD:.0f} points behind."
    return ""
