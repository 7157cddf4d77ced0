"""Files across the page and the endpoints: what was uploaded, and what is handed out."""

from __future__ import annotations

import mimetypes
import re
import shutil
import stat
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import HTTPException
from fastapi.responses import FileResponse
from gradio import FileData
from gradio.utils import get_upload_folder

from storage.core.errors import DiskFull, DomainError, is_disk_full
from workbench.core.upload_folder import answered, forget, used
from workbench.importing.service import ImportService, NewImport
from workbench.importing.uploads import Upload

NOT_UPLOADED = (
    "A file must be uploaded first (in Python: gradio_client.handle_file), not named by a path or address."
)
NOT_SERVED = "There is no such file, or it may not be read here."
# Gradio keeps an upload in a folder named by a seeded SHA-256 of its bytes; what we hand out lies in one named at random.
_UPLOADED = re.compile(r"[0-9a-f]{64}")
_SERVED = re.compile(r"[0-9a-f]{64}|[0-9a-f]{32}")
_LONGEST_PATH = 4096
# Whatever a browser could run as part of our page is only ever downloaded.
_SHOWN = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/avif"})
_HEADERS = {"Cache-Control": "private"}


def uploaded_file(path: Any) -> Path | None:
    """The file that an upload made at a path; None for anything else, which is not opened.

    The name of its folder is what entitles to an upload: only who uploaded it was told that name. What the server made
    (exports, reports) and the parts of uploads under way lie elsewhere.
    """
    return _kept(path, _UPLOADED)


def uploads(files: Any) -> list[Upload]:
    """The uploaded files among what a caller sent.

    Raises:
        DomainError: It is not a list of uploaded files.
    """
    if not isinstance(files, Sequence) or isinstance(files, str | bytes):
        raise DomainError("files must be a list of uploaded files.")
    return [upload(file) for file in files]


def upload(file: Any) -> Upload:
    """One uploaded file.

    Raises:
        DomainError: It is not an uploaded file.
    """
    path = uploaded_file(file.get("path") if isinstance(file, dict) else file)
    if path is None:
        raise DomainError(NOT_UPLOADED)
    used(path)
    name = file.get("orig_name") if isinstance(file, dict) else None
    return Upload(path, str(name or path.name))


@contextmanager
def answering(given: Sequence[Upload]) -> Iterator[None]:
    """Answer a call with uploads, which are kept for some minutes more then."""
    try:
        yield
    finally:
        for each in given:
            answered(each.path)


def begin_import(imports: ImportService, wanted: NewImport) -> int:
    """Queue an import of uploads, which belong to it from then on: they are no longer among the uploads.

    Returns:
        Its id.

    Raises:
        DomainError: As :meth:`workbench.importing.service.ImportService.start`; the uploads stay then.
    """
    begun = imports.start(wanted)
    for each in wanted.uploads:
        forget(each.path)
    return begun


def served_file(path: str) -> FileResponse:
    """An upload, or a file that was handed out, for whoever knows its path.

    Raises:
        HTTPException: It is neither.
    """
    kept = _kept(path, _SERVED)
    if kept is None:
        raise HTTPException(403, NOT_SERVED)
    kind = mimetypes.guess_type(kept.name)[0]
    if kind in _SHOWN:
        return FileResponse(kept, media_type=kind, headers=_HEADERS)
    return FileResponse(kept, media_type="application/octet-stream", filename=kept.name, headers=_HEADERS)


def to_file_data(data: bytes, name: str) -> FileData:
    """A file for the caller to download.

    Raises:
        DiskFull: There is no room for it.
    """
    path = _new_place() / name
    try:
        path.write_bytes(data)
    except OSError as error:
        _give_up(path.parent, error)
    return _file_data(path)


def to_named_file_data(path: Path) -> FileData:
    """An export for the caller to download from where it is kept."""
    return _file_data(path)


def _kept(path: Any, folders: re.Pattern[str]) -> Path | None:
    """The regular file at ``<upload folder>/<folder>/<name>``; the file system is asked about no other path."""
    if not isinstance(path, str) or not 0 < len(path) <= _LONGEST_PATH or "\0" in path:
        return None
    file, root = Path(path).absolute(), Path(get_upload_folder()).absolute()
    if file.name == ".." or file.parent.parent != root or not folders.fullmatch(file.parent.name):
        return None
    try:
        # Not followed: a link would lead out of the folder.
        regular = stat.S_ISREG(file.lstat().st_mode) and stat.S_ISDIR(file.parent.lstat().st_mode)
    except (OSError, ValueError):
        return None
    return file if regular else None


def _new_place() -> Path:
    place = Path(get_upload_folder()) / uuid.uuid4().hex
    place.mkdir(parents=True)
    return place


def _give_up(place: Path, error: OSError) -> None:
    shutil.rmtree(place, ignore_errors=True)
    if is_disk_full(error):
        raise DiskFull from error
    raise error


def _file_data(path: Path) -> FileData:
    return {  # type: ignore[return-value]
        "path": str(path), "orig_name": path.name, "size": path.stat().st_size, "meta": {"_type": "gradio.FileData"},
    }  # fmt: skip
