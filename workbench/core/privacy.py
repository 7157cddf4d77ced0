"""File permissions: other users of the machine cannot read the data folder."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from storage.core.file_identity import keep_databases_shut

log = logging.getLogger(__name__)
ONLY_OWNER = 0o700
OTHERS = 0o077


def restrict_process() -> None:
    """Set the umask and guard open databases; to be called before the process creates any file."""
    os.umask(OTHERS)
    keep_databases_shut()


def restrict_to_owner(folder: Path) -> None:
    """Restrict an existing data folder to its owner (mode 0700).

    Logs a warning if that is not possible, for example on a mounted folder, or not appropriate, as on a shared folder.
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
