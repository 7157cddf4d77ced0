"""Scripts of the page, kept in files of their own beside it."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parents[1]


def script(*names: str) -> str:
    """The files of ``workbench/ui`` one after the other, as one text."""
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)
