"""Which Pythons the workbench runs on. Pythons that are too old must be able to read this file, back to 3.8."""

from __future__ import annotations

OLDEST, NEWEST = (3, 11), (3, 13)


def refusal(version: tuple[int, int]) -> str | None:
    """The sentence for a Python that TensorFlow has no wheel for; None for one that will do.

    Args:
        version: Major and minor, as in ``sys.version_info[:2]``.
    """
    if OLDEST <= version <= NEWEST:
        return None
    return (
        f"Waterline needs Python 3.11, 3.12 or 3.13, and this is Python {version[0]}.{version[1]}: TensorFlow has no package "
        "for it. Make the virtual environment with one of those, for example: python3.13 -m venv .venv"
    )
