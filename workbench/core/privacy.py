"""What Waterline keeps is for its own user: others of the machine read nothing of it."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from storage.core.file_identity import keep_databases_shut

log = logging.getLogger(__name__)
ONLY_OWNER = 0o700
OTHERS = 0o077


def begin_private() -> None:
    """Set this process up, before it makes a file: what it makes others cannot read, and its database only SQLite opens."""
    os.umask(OTHERS)
    keep_databases_shut()


def shut(folder: Path) -> None:
    """Shut a data folder, one of an earlier version too, for all but its owner; nobody else then gets to what is in it.

    Where that cannot be, the log says so: a mounted folder may be another's, and one that all share is not to be shut.
    """
    mode = folder.stat().st_mode
    if not mode & OTHERS:
        return
    if mode & stat.S_ISVTX or folder.parent == folder:
        log.warning("%s is shared by all users of the machine; give Waterline a folder of its own.", folder)
        return
    try:
        folder.chmod(ONLY_OWNER)
    except OSError as error:
        log.warning(
            "Other users of the machine may read the data folder %s: it cannot be shut (%s).",
            folder,
            error.strerror,
        )
