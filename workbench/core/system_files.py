"""Files and folders that systems and tools make for themselves beside a person's own."""

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
"""Names of files and folders in lower case.

Words that a person may mean as a class are not among them: ``trash`` and ``recycled`` are classes of waste, ``thumbs`` of
hands, ``thumbnails`` of pictures on the web.
"""
STREAM = re.compile(r"(?:[:\uf03a]zone\.identifier|@syno(?:eastream|resource))$", re.IGNORECASE)
"""Ends of files that hold what other systems keep beside a file: where it was downloaded, or a Mac's extra data."""


def is_leftover(name: str) -> bool:
    r"""Whether a file or folder is hidden or a leftover of a system or tool, or lies in a folder that is.

    Hidden is what begins with a dot, as on Unix.

    Args:
        name: With its folders, separated by ``/`` or ``\``.
    """
    parts = name.replace("\\", "/").split("/")
    return STREAM.search(name) is not None or any(
        part.casefold() in LEFTOVERS or (part.startswith(".") and part not in {".", ".."}) for part in parts
    )
