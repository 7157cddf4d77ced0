"""Domain errors. The message is shown to the user: what happened and what to do, in one or two sentences."""

from storage.core.errors import DomainError


class InvalidSpec(DomainError):
    """A training spec or augmentation has an invalid key or value."""


class RejectedPicture(DomainError):
    """A file cannot be imported as a picture; the message is the reason."""


class RejectedArchive(DomainError):
    """A zip is damaged or exceeds a limit, so that it is not read; the message is the reason."""


class RejectedTable(DomainError):
    """A file is not a valid label table; the message is the reason."""


class NotReady(DomainError):
    """A precondition of the request is not met; the message says what to do first."""


class TrainingFailed(DomainError):
    """A training run ended without a usable model; the message is the reason."""


class StoppedEarly(DomainError):
    """A training run was stopped before the end of its first epoch, so there is no model."""

    def __init__(
        self, sentence: str = "The run was stopped before its first epoch was finished, so there is no model."
    ) -> None:
        super().__init__(sentence)


class Paused(DomainError):
    """A training run was paused and can be resumed from its checkpoint."""

    def __init__(
        self, sentence: str = "The run is paused; resume it to go on from the last finished epoch."
    ) -> None:
        super().__init__(sentence)


class BrokenModel(DomainError):
    """The file of a model version cannot be loaded."""


class Overloaded(DomainError):
    """The server is overloaded; the request may be retried later."""

    def __init__(self) -> None:
        super().__init__("The server is busy with other pictures. Please try again in a moment.")
