"""Errors that carry a sentence for the user: what happened, what to do."""


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


class Corrupt(DomainError):
    """A stored file no longer matches its hash."""
