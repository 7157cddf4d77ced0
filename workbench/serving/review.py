"""When a person should look at an answer."""

from __future__ import annotations

from collections.abc import Mapping

SURE = 0.6
"""Probability from which an answer stands by itself; no second class can then be within 20 points."""


def needs_review(scores: Mapping[str, float]) -> bool:
    """Whether no class reaches 60 %."""
    return max(scores.values(), default=0.0) < SURE


def doubt(scores: Mapping[str, float]) -> str:
    """Why a person should look at an answer, as a sentence; empty where nobody needs to."""
    return f"No class reaches {100 * SURE:.0f}\u00a0%." if needs_review(scores) else ""
