"""Errors that carry a sentence for the user: what happened, what to do."""

import errno
import sqlite3

DATABASE_REPLACED = (
    "The database was replaced or removed while Waterline was running, so nothing more is written. "
    "Restart Waterline; what was changed since {since} may be lost."
)


class DomainError(Exception):
    """Base of every error whose text may be shown to a user as it is."""


class NotFound(DomainError):
    """An id, version, alias or class is not there."""


class Conflict(DomainError):
    """The change does not fit what is stored."""


class StaleEdit(Conflict):
    """Somebody changed the picture since it was shown."""


class DiskFull(DomainError):
    """The data folder has no room left."""

    def __init__(
        self,
        sentence: str = "The disk of the data folder is full. Free some space and try again; nothing that was there is lost.",
    ) -> None:
        super().__init__(sentence)


class DatabaseReplaced(DomainError):
    """The database file or its log is not the one any more that this process has open.

    Args:
        since: The last moment at which it still was.
    """

    def __init__(self, since: str) -> None:
        super().__init__(DATABASE_REPLACED.format(since=since))


def is_disk_full(error: BaseException) -> bool:
    """Whether an error of the system or of SQLite says that there is no room left."""
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT}
    return isinstance(error, sqlite3.OperationalError) and "full" in str(error)


class Corrupt(DomainError):
    """A stored file no longer matches its hash."""
