"""Endpoints that import pictures."""

from collections.abc import Callable
from typing import Any, TypedDict

from gradio import FileData

from storage.core.errors import DomainError
from storage.jobs.import_jobs import IMPORTED, PRESENT, REJECTED
from workbench.core import validation
from workbench.importing.service import ImportState, NewImport
from workbench.services import Services
from workbench.ui.api import ACTOR
from workbench.ui.api.answers import answer
from workbench.ui.api.arguments import require_actor, require_text
from workbench.ui.file_transfer import begin_import, to_file_data, uploads

NO_FOLDER = "folder must name a folder of the server."
SHUTTING_DOWN = (
    "The server is ending. Import {id} goes on when it is started again; /import_status says how far it is."
)


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
    """Where an import stands.

    ``total`` is 0 while it waits for others or reads tables; ``phase`` is ``reading tables`` then, with the ``lines`` so far.
    """

    import_id: int
    status: str
    by: str
    what: str
    done: int
    total: int
    imported: int
    duplicates: int
    rejected: int
    error: str
    phase: str
    lines: int


def endpoints(services: Services) -> list[Callable[..., Any]]:
    """The functions to publish."""
    imports = services.imports

    def import_images(files: list[FileData], label: str = "", by: str = ACTOR) -> Imported:
        """Import pictures, zips of pictures, and tables that label them, and wait until that is done.

        Every file is reported as imported, a duplicate (its content is there already) or rejected with a reason. image_ids
        has the ids of imported and duplicate pictures, in the order of the files. A CSV (filename,label[,split]), the
        metadata.csv or metadata.jsonl of a Hugging Face image folder, or the JSON export of Label Studio, beside the pictures
        or in their zip, names their classes; on its own it labels pictures that are there already.

        Args:
            files: Uploaded pictures, zips and tables.
            label: The class of all of them; where empty, a table or the folder of a picture in its zip names its class.
            by: Who the history says did it.
        """
        new_import = NewImport(uploads(files), require_text("label", label), require_actor(by))
        state = imports.wait(begin_import(imports, new_import))
        if state.error or state.running:
            raise DomainError(state.error or SHUTTING_DOWN.format(id=state.id))
        files_done = list(imports.every_file(state.id))
        return answer(
            Imported,
            state,
            rejected=[answer(Rejected, entry) for entry in files_done if entry.result == REJECTED],
            image_ids=[
                entry.image_id
                for entry in files_done
                if entry.image_id and entry.result in {IMPORTED, PRESENT}
            ],
        )

    def import_folder(folder: str, label: str = "", by: str = ACTOR) -> ImportStatus:
        """Begin to import a folder of the server, without waiting for it; its files are read where they lie.

        Args:
            folder: One that whoever runs the server allowed (WORKBENCH_IMPORT_FOLDERS), or a folder in it.
            label: The class of all pictures; where empty, a table or the folder of a picture names its class.
            by: Who the history says did it.
        """
        path = require_text("folder", folder).strip()
        if not path:
            raise DomainError(NO_FOLDER)
        new_import = NewImport(label=require_text("label", label), actor=require_actor(by), folder=path)
        return _import_status(imports.state(imports.start(new_import)))

    def import_status(import_id: int = 0) -> ImportStatus:
        """Where an import stands: queued, running, finished, stopped or failed, with what came of it so far.

        Args:
            import_id: The import; 0 for the one that runs, else the last one.
        """
        return _import_status(imports.state(_optional_id(import_id)))

    def list_imports(limit: int = 20) -> list[ImportStatus]:
        """The newest imports, newest first, each as /import_status tells it.

        Args:
            limit: Most imports, 1 to 200.
        """
        jobs = imports.recent(validation.whole("limit", limit, 1, 200))
        return [_import_status(imports.state(job.id)) for job in jobs]

    def stop_import(import_id: int = 0) -> ImportStatus:
        """Stop an import after the files in hand; what is in stays in.

        Args:
            import_id: The import; 0 for the one that runs.
        """
        return _import_status(imports.stop(_optional_id(import_id)))

    def import_report(import_id: int = 0) -> FileData:
        """What became of each file of an import, as a CSV file with file, result, reason, note, class and image_id.

        Args:
            import_id: The import; 0 for the one that runs, else the last one.
        """
        state = imports.state(_optional_id(import_id))
        return to_file_data(imports.report_csv(state.id).encode("utf-8-sig"), f"import-{state.id}.csv")

    return [import_images, import_folder, import_status, list_imports, stop_import, import_report]


def _optional_id(import_id: Any) -> int | None:
    return validation.whole("import_id", import_id, 0) or None


def _import_status(state: ImportState) -> ImportStatus:
    return answer(ImportStatus, state, import_id=state.id, by=state.actor, rejected=state.rejected_count)
