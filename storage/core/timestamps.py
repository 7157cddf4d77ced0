"""The one way in which times are written."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """The present as ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
