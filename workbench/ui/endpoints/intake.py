"""Endpoints that bring pictures in."""

from collections.abc import Callable
from typing import Any, TypedDict

from gradio import FileData

from storage.errors import DomainError
from storage.imports import IMPORTED, PRESENT, REJECTED
from workbench.imports import ImportState, NewImport
from workbench.services import Services
from workbench.ui.endpoints import ACTOR
from workbench.ui.files import handed_out, uploads


class Rejected(TypedDict):
    """A file that was not taken in, and why."""

    file: str
    reason: str


class Imported(TypedDict):
    """What became of an import."""

    imported: int
    duplicates: int
    rejected: list[Rejected]
    image_ids: list[int]


class ImportStatus(TypedDict):
    """Where an import stands; ``total`` is 0 while it waits for others."""

    import_id: int
    status: str
    done: int
    total: int
    imported: int
    duplicates: int
    rejected: int
    error: str


def endpoints(services: Services) -> list[Callable[..., Any]]:
    """The functions to publish."""
    imports = services.imports

    def import_images(files: list[FileData], label: str = "", by: str = ACTOR) -> Imported:
        """Import pictures and zips of pictures, and wait until that is done.

        Every file is reported as imported, a duplicate (its content is there already) or rejected with a reason. image_ids
        has the ids of imported and duplicate pictures, in the order of the files.

        Args:
            files: Uploaded pictures and/or zips.
            label: The class of all of them; where empty, the folder of a picture in its zip names its class.
            by: Who the history says did it.
        """
        wanted = NewImport(uploads(files), text("label", label), text("by", by) or ACTOR)
        ended = imports.wait(imports.start(wanted))
        if ended.error:
            raise DomainError(ended.error)
        found = list(imports.every_file(ended.id))
        return Imported(
            imported=ended.imported,
            duplicates=ended.duplicates,
            rejected=[
                Rejected(file=each.file, reason=each.reason) for each in found if each.result == REJECTED
            ],
            image_ids=[
                each.image_id for each in found if each.image_id and each.result in {IMPORTED, PRESENT}
            ],
        )

    def import_status(import_id: int = 0) -> ImportStatus:
        """Where an import stands: queued, running, finished, stopped or failed, with what came of it so far.

        Args:
            import_id: The import; 0 for the one that runs, else the last one.
        """
        return _status(imports.state(_id(import_id)))

    def stop_import(import_id: int = 0) -> ImportStatus:
        """Stop an import after the files in hand; what is in stays in.

        Args:
            import_id: The import; 0 for the one that runs.
        """
        return _status(imports.stop(_id(import_id)))

    def import_report(import_id: int = 0) -> FileData:
        """What became of each file of an import, as a CSV file with file, result, reason, note, class and image_id.

        Args:
            import_id: The import; 0 for the one that runs, else the last one.
        """
        found = imports.state(_id(import_id))
        return handed_out(imports.report_csv(found.id).encode("utf-8-sig"), f"import-{found.id}.csv")

    return [import_images, import_status, stop_import, import_report]


def text(name: str, value: Any) -> str:
    """A text that a caller sent.

    Raises:
        DomainError: It is none.
    """
    if not isinstance(value, str):
        raise DomainError(f"{name} must be a text.")
    return value


def _id(value: Any) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise DomainError("import_id must be a whole number.")
    return value or None


def _status(state: ImportState) -> ImportStatus:
    return ImportStatus(
        import_id=state.id,
        status=state.status,
        done=state.done,
        total=state.total,
        imported=state.imported,
        duplicates=state.duplicates,
        rejected=state.rejected_count,
        error=state.error,
    )
