"""Recognizes files and folders that operating systems and tools create for themselves."""

from __future__ import annotations

import re

LEFTOVERS = frozenset(
    {
        # macOS, and servers that speak to it
        *("__macosx", "icon\r", "network trash folder", "temporary items", "thevolumesettingsfolder"),
        # Windows
        *("$recycle.bin", "system volume information", "desktop.ini", "thumbs.db"),
        *("ehthumbs.db", "ehthumbs_vista.db"),
        # Linux
        "lost+found",
        # Network disks of Synology and QNAP
        *("@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "@tmp", "@thumb", "@__thumb"),
        # Programs
        *("__pycache__", "node_modules", "_vti_cnf", "picasa.ini", "pspbrwse.jbf", "zbthumbnail.info"),
        *("_thumb", "_thumbs", "__thumbs", "_thumbnails"),
        # Notes in our own exports
        *("left-out.txt", "renamed.txt"),
    }
)
"""Names of system files and folders in lower case.

Words that may be class names are excluded: ``trash``, ``recycled``, ``thumbs`` and ``thumbnails``.
"""
STREAM = re.compile(r"(?:[:\uf03a]zone\.identifier|@syno(?:eastream|resource))$", re.IGNORECASE)
"""Suffixes of files that hold alternate data streams: download zone, or macOS resource forks."""


def is_leftover(name: str) -> bool:
    r"""Whether a file or folder, or any of its parent folders, is hidden or a system file.

    Names that begin with a dot are hidden, as on Unix.

    Args:
        name: Name with its folders, separated by ``/`` or ``\``.
    """
    parts = name.replace("\\", "/").split("/")
    return STREAM.search(name) is not None or any(
        part.casefold() in LEFTOVERS or (part.startswith(".") and part not in {".", ".."}) for part in parts
    )
