"""Domain errors. Each message is one or two sentences for the user: what happened, what to do."""


class WorkbenchError(Exception):
    """Base of all errors whose text may be shown to a user as it is."""


class InvalidSpec(WorkbenchError):
    """A training spec or augmentation has a key or value that is not allowed."""


class RejectedPicture(WorkbenchError):
    """A file is not a picture that can be taken in; the message is the reason."""


class RejectedArchive(WorkbenchError):
    """A zip breaks a limit, so nothing of it is read; the message is the reason."""


class NotReady(WorkbenchError):
    """What was asked for needs something that is not there yet; the message says what to do first."""


class TrainingFailed(WorkbenchError):
    """A run ended without a usable model; the message is the reason."""


class StoppedEarly(WorkbenchError):
    """A run was stopped before its first epoch was finished, so there is no model to keep."""


class BrokenModel(WorkbenchError):
    """The files of a model version are missing or no longer match their hashes."""
