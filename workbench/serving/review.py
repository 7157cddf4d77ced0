"""Which predictions a person should review."""

from __future__ import annotations

from collections.abc import Mapping

REVIEW_THRESHOLD = 0.6
"""Minimum confidence that needs no review; the margin to the second class is then at least 20 points."""


def needs_review(scores: Mapping[str, float]) -> bool:
    """Whether no class reaches ``SURE``."""
    return max(scores.values(), default=0.0) < REVIEW_THRESHOLD


def review_reason(scores: Mapping[str, float]) -> str:
    """Reason for a review as a sentence; empty if none is needed."""
    return f"No class reaches {100 * REVIEW_THRESHOLD:.0f}\u00a0%." if needs_review(scores) else ""
