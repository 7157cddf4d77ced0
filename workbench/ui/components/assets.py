"""Scripts of the page, kept in files of their own beside it."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "static"


def script(*names: str) -> str:
    """Files of ``workbench/ui/static`` one after the other, as one text."""
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)
