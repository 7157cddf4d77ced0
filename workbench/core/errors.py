"""Domain errors. Each message is one or two sentences for the user: what happened, what to do."""

from storage.core.errors import DomainError


class InvalidSpec(DomainError):
    """A training spec or augmentation has a key or value that is not allowed."""


class RejectedPicture(DomainError):
    """A file is not a picture that can be taken in; the message is the reason."""


class RejectedArchive(DomainError):
    """A zip breaks a limit, so nothing of it is read; the message is the reason."""


class RejectedTable(DomainError):
    """A file is not a table that says what pictures are; the message is the reason."""


class NotReady(DomainError):
    """What was asked for needs something that is not there yet; the message says what to do first."""


class TrainingFailed(DomainError):
    """A run ended without a usable model; the message is the reason."""


class StoppedEarly(DomainError):
    """A run was stopped before its first epoch was finished, so there is no model to keep."""

    def __init__(self) -> None:
        super().__init__("The run was stopped before its first epoch was finished, so there is no model.")


class Paused(DomainError):
    """A run was paused; what it needs to go on is written down."""

    def __init__(self) -> None:
        super().__init__("The run is paused; resume it to go on from the last finished epoch.")


class BrokenModel(DomainError):
    """The file of a model version cannot be loaded."""


class Overloaded(DomainError):
    """Too much is being asked at once; the same may be asked again later."""

    def __init__(self) -> None:
        super().__init__("The server is busy with other pictures. Please try again in a moment.")
