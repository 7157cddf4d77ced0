"""Supported Python versions. This file must stay parseable by unsupported versions, back to 3.8."""

from __future__ import annotations

OLDEST, NEWEST = (3, 11), (3, 13)


def version_error(version: tuple[int, int]) -> str | None:
    """The error message for an unsupported Python version; None for a supported one.

    Args:
        version: Major and minor, as in ``sys.version_info[:2]``.
    """
    if OLDEST <= version <= NEWEST:
        return None
    return (
        f"Waterline needs Python 3.11, 3.12 or 3.13, and this is Python {version[0]}.{version[1]}: TensorFlow has no package "
        "for it. Make the virtual environment with one of those, for example: python3.13 -m venv .venv"
    )
