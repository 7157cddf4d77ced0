"""When a person should look at an answer."""

from __future__ import annotations

from collections.abc import Mapping

SURE = 0.6
AHEAD = 0.2


def needs_review(scores: Mapping[str, float]) -> bool:
    """Whether the best score is below 60 % or less than 20 points ahead of the second."""
    first, second = sorted([*scores.values(), 0.0], reverse=True)[:2]
    return first < SURE or first - second < AHEAD
